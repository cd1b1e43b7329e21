"""The operations of OSS on buckets, objects and uploads, without HTTP, signatures and policies."""
