"""The functions of templates: `Ref` and `Fn::…`. Source: ROS, "Functions"; each does what its page there says. Pure."""
