"""The HTTP API of the embedded ROS: decode, authorize, call an operation, encode."""
