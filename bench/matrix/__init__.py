"""`make matrix`: which heavy packages build, start and work, on which Python; written to docs/reference/packages.md."""
