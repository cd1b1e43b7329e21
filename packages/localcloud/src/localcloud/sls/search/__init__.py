"""The search syntax of SLS: read into a tree, and matched against logs as an index says."""
