"""OSS of the embedded cloud: buckets and objects on disk, served with signatures, ranges and policies checked."""
