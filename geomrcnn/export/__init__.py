"""From a bundle to files for other runtimes."""
