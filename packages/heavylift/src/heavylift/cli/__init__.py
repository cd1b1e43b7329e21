"""The command line: parses, calls the other parts, renders."""
