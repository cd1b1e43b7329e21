"""The domain of STS: sessions."""
