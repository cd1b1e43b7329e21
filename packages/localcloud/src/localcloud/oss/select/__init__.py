"""SelectObject: SQL over an object of CSV or JSON, answered in frames."""
