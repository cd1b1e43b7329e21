"""The API of RAM over HTTP."""
