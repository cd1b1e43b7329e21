"""KMS: keys that never leave it, and what is enciphered with them."""
