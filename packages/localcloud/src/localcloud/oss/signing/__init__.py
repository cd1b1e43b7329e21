"""The signatures of OSS: read out of requests and verified."""
