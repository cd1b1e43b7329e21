"""STS of the embedded cloud: roles are assumed, and sessions carry their rights."""
