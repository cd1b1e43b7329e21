"""The ROS CDK app: describes the stack of this project."""
