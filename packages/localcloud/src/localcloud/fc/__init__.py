"""Function Compute of the embedded cloud: functions that run for real, in processes of their own."""
