"""Resource Manager: the resource groups of the account."""
