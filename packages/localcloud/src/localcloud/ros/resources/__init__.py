"""The resource types that the embedded ROS knows, one class for each."""
