"""Templates: read them, check them, and evaluate their functions in processes of their own."""
