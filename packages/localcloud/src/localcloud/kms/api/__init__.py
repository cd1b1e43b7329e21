"""The API of KMS over HTTP."""
