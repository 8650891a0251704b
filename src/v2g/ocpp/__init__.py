"""OCPP 2.0.1 and 2.1: messages, the RPC layer, smart charging. No sockets, no clock; it knows no station."""
