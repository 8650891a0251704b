"""What the judge knows of each family of protocols: the edition as the station itself runs it, and the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from v2g.iso15118.d2.edition import D2
from v2g.iso15118.d2.table import P as P2
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.table import P as P20
from v2g.iso15118.din.edition import DIN as DIN_EDITION
from v2g.iso15118.edition import Choice, Edition, Table

Phases = frozenset[Any]


@dataclass(frozen=True)
class Family:
    """A family of protocols: its edition, and the numbers of its requirements."""

    edition: Edition
    excluded: Mapping[str, Phases] = field(default_factory=dict)
    """Phases that a session with this energy, AC or DC, never comes to, or not before its first charge loop."""
    requirements: Mapping[str, str] = field(default_factory=dict)
    """By rule, or by rule and request."""

    def requirement(self, rule: str, request: str = "") -> str | None:
        """The number of the requirement that a rule checks."""
        return self.requirements.get(f"{rule} {request}") or self.requirements.get(rule)

    @property
    def name(self) -> str:
        return self.edition.name

    @property
    def table(self) -> Table:
        return self.edition.table

    @property
    def message_s(self) -> Mapping[str, float]:
        return self.edition.message_s

    @property
    def default_message_s(self) -> float:
        return self.edition.default_message_s

    @property
    def repeat_s(self) -> Mapping[str, float]:
        return self.edition.repeat_s

    @property
    def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        return self.edition.choices

    @property
    def failed_ends(self) -> bool:
        return self.edition.failed_ends

    @property
    def loops(self) -> frozenset[str]:
        return self.edition.energy

    @property
    def sequence_s(self) -> float:
        """How long the station waits for the next request."""
        return self.edition.silence["standard"].sequence_s

    @property
    def loop_sequence_s(self) -> float:
        """The same after a response of the charge loop."""
        return self.edition.silence["standard"].energy_s


ISO20 = Family(
    D20,
    excluded={
        "AC": frozenset({P20.CABLE_CHECK, P20.PRECHARGE, P20.PRECHARGING, P20.PRECHARGED, P20.WELDING_DETECTION}),
        "DC": frozenset({P20.STOPPING}),
        "DC before power": frozenset({P20.POWER_DELIVERY}),
    },
    requirements={
        "session id": "V2G20-460",
        "sequence timeout": "V2G20-443",
        "response time AC_ChargeLoopReq": "V2G20-1499",
        "response time DC_ChargeLoopReq": "V2G20-1501",
        "zero session id": "V2G20-2621",
    },
)
ISO2 = Family(
    D2,
    excluded={
        "AC": frozenset({P2.CABLE_CHECK, P2.PRECHARGE, P2.WELDING_DETECTION, P2.DC_CHARGE_LOOP}),
        "DC": frozenset({P2.POWER_DELIVERY, P2.STOPPING, P2.AC_CHARGE_LOOP}),
    },
    requirements={"sequence": "V2G2-459", "pairing": "V2G2-459", "session id": "V2G2-460"},
)
DIN = Family(DIN_EDITION)


FAMILIES = {family.name: family for family in (ISO20, ISO2, DIN)}


def family_of(protocol: str) -> Family | None:
    """The family of a protocol of the codec; None below the messages of a session."""
    if protocol.startswith("iso20-"):
        return ISO20
    return {"iso2": ISO2, "din": DIN}.get(protocol)
