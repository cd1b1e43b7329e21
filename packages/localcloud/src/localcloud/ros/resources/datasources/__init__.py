"""The data sources that the embedded ROS knows: resource types that make nothing and tell what there is."""
