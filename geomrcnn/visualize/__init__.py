"""Pictures of what goes in, what comes out, and of the steps between."""
