"""Heavy Python functions on Function Compute: built, deployed, started fast. Nothing is imported here."""
