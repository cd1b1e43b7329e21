"""The parts of which all services are made: identity, access, signatures, HTTP, RPC calls, pages, documents. It knows none."""
