"""The engine room of Function Compute: instances that run functions in processes of their own, kept apart and within limits."""
