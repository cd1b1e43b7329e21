"""What the embedded ROS does with stacks and change sets; knows no HTTP."""
