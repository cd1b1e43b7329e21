"""The domain of RAM: roles, policies, attachments, and the decisions that follow from them."""
