"""Brings a function's heavy libraries and models into an instance: fetch, verify, unpack, import.

Runs on Python 3.10 and later, on the standard library, zstandard and isal where it is installed, and never imports an
object store's client on its own: the store comes in through the `Store` protocol.
"""
