"""SLS of the embedded cloud: projects, logstores, their indexes, and logs, which are written, searched and pulled."""
