"""The operations of KMS, without HTTP."""
