"""The S3 protocol, which OSS serves, too: translated at the edge, so that no operation knows of it."""
