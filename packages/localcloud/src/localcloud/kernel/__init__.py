"""What all services are made of: identity, signatures, the HTTP door, RPC calls, errors, values, documents. It knows no service."""
