"""The API of SLS over HTTP."""
