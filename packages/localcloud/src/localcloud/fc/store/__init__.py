"""Function Compute on disk: what exists, code packages, and accepted invocations."""
