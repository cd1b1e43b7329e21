"""Image processing: `x-oss-process=image/…`."""
