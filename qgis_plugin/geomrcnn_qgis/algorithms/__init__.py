"""One file an algorithm. Each asks for its parameters and runs a verb of the command line."""
