"""The Function Compute API on the wire: three encodings (2016-08-15, 2021-04-06, 2023-03-30) of one domain."""
