"""The operations of the embedded ROS on stacks and change sets; they know no HTTP."""
