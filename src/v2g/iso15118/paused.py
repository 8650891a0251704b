"""What a station keeps of a paused session, whatever its edition: it can be written as JSON and read back."""

from dataclasses import dataclass

from v2g.iso15118.car import CarState
from v2g.iso15118.service import Selection, Service


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
