"""The domain of SLS: projects, logstores, indexes."""
