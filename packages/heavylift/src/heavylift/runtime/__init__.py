"""Brings a function's heavy libraries and models into an instance: fetch, verify, unpack, import.

Runs on Python 3.10 and later. Loading an archive needs the standard library and zstandard, and takes isal where it is installed;
the store comes in through the `Store` protocol. `download` is the one for OSS, on certifi. `oss` alone needs oss2, and
no other module imports it.
"""
