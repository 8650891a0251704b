"""How messages of ISO 15118-20 travel: message set by payload type, and the session id that stands for none."""

from collections.abc import Mapping

from v2g.v2gtp.framing import PayloadType

PROTOCOLS: Mapping[int, str] = {
    PayloadType.MAIN: "iso20-common",
    PayloadType.AC: "iso20-ac",
    PayloadType.DC: "iso20-dc",
}
"""Payload type -> message set."""

NO_SESSION = bytes(8)
"""The session id of a request that asks for a new session."""
