"""The API of Resource Manager over HTTP."""
