"""The embedded Resource Orchestration Service (ROS): templates become stacks of resources."""
