"""The clouds that commands work on: a region, or the embedded one, through the same calls."""
