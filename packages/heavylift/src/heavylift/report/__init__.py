"""Reports of a start: its limit, its waterfall, its page."""
