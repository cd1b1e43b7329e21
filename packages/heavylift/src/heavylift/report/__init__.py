"""What is shown of a start: its limit, its waterfall, its page."""
