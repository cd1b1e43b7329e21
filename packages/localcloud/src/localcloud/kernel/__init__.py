"""The parts of which all services are made: identity, access, signatures, the HTTP door, RPC calls, pages, documents. It knows none."""
