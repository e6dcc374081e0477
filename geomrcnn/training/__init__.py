"""Training a network: the loop, its schedule, and checkpoints that resume."""
