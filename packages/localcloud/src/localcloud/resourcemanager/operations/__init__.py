"""Resource Manager without HTTP."""
