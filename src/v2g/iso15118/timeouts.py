"""Times that every edition has, in seconds: of setting up a connection, and of its end."""

SETUP_S = 18.0
"""Connection accepted to SessionSetupRes sent, station side."""
CAR_SETUP_S = 20.0
"""Start of discovery to SessionSetupRes received, car side."""
HANDSHAKE_S = 2.0
"""How long the car waits for the response to SupportedAppProtocolReq."""
LINGER_S = 5.0
"""After SessionStopRes the station leaves the car this long to close the connection [V2G20-1633]."""
