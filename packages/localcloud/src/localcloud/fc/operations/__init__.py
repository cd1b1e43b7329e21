"""The domain of Function Compute: services, functions, triggers and invocations. No HTTP in here."""
