"""Lets clients that speak to `*.aliyuncs.com` reach the embedded cloud: names, certificates, and one port for all of them."""
