"""What SLS keeps on disk."""
