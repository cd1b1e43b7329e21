"""SLS of the embedded cloud: projects, logstores and their indexes. Logs themselves are not taken yet."""
