"""The attenuation of the line: what modems measure in groups of carriers, averaged over all sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

GROUPS = 58
"""Groups of 16 carriers of a HomePlug Green PHY modem."""
SENT_DBM = -1.5
"""Power of a modem: -75 dBm/Hz (ISO 15118-3 A.11) on 917 carriers of 24.414 kHz each."""


@dataclass(frozen=True, slots=True)
class Attenuation:
    """The mean over the sounds, in dB for each group, and how many sounds were measured."""

    groups_db: tuple[float, ...]
    sounds: int

    @classmethod
    def mean_of(cls, profiles: Sequence[Sequence[int]], reference_db: float = 0.0) -> Self:
        """Of at least one profile, all with the same number of groups.

        `reference_db`: the loss in the receiver behind the reference point, the plug (AttnRx), not in the cable.
        """
        groups = (sum(group) / len(profiles) - reference_db for group in zip(*profiles, strict=True))
        return cls(tuple(max(0.0, group) for group in groups), len(profiles))

    @property
    def mean_db(self) -> float:
        """Over all groups."""
        return sum(self.groups_db) / len(self.groups_db)

    @property
    def signal_dbm(self) -> float:
        """What is left of a signal that was sent with the standard's power."""
        return SENT_DBM - self.mean_db

    def octets(self) -> bytes:
        """As a message carries it. At least 1 dB: some cars take 0 for a defect."""
        return bytes(min(255, max(1, round(group))) for group in self.groups_db)
