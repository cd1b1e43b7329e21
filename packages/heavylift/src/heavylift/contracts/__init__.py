"""The contracts between parts, each defined once: formats and the errors that tell of them. Standard library only."""
