"""The ROS CDK app: what exists in the cloud."""
