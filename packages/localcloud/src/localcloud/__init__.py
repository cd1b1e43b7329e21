"""An embedded Alibaba Cloud on loopback: OSS, RAM/STS, Function Compute and ROS behind one server."""
