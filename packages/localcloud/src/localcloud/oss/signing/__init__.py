"""The signatures of OSS: what was signed, and whether it is right."""
