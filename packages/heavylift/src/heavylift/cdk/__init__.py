"""Constructs of the ROS CDK: a function and all that it needs, from settings."""
