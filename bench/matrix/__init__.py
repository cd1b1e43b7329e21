"""`make matrix`: builds and starts heavy packages on each Python, and writes the results to docs/reference/packages.md."""
