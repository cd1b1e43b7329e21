"""The API of STS over HTTP."""
