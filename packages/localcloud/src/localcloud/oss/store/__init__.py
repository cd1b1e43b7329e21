"""Buckets and objects on disk."""
