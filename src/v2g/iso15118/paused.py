"""What a station keeps of a paused session, whatever its edition: it can be written as JSON and read back."""

import hashlib
from dataclasses import dataclass

from v2g.iso15118.car import CarState
from v2g.iso15118.service import Selection, Service


def binding(session_id: bytes, peer: bytes) -> bytes:
    """What ties a session to a vehicle certificate; `peer` is the certificate's SHA-512 [V2G20-2630]."""
    return hashlib.sha512(session_id + peer).digest()


@dataclass(frozen=True, slots=True)
class Paused:
    """A session that the same car may take up again."""

    edition: str
    session_id: bytes
    binding: bytes
    """What proves that it is the same car; the id alone is no proof of identity. Made by the edition."""
    selection: Selection
    offered: tuple[Service, ...]
    car: CarState
    by_contract: bool = False
    """It was paid by a contract, and is again."""
    chain: tuple[bytes, ...] = ()
    """The contract's certificates, DER, the leaf first, of an edition that does not ask for them again."""
    schedule_id: int = 0
    """The number of the last schedule that it was offered."""
