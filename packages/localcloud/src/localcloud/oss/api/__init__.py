"""The API of OSS on the wire: decode, authorize, call an operation, encode."""
