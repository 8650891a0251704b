"""Whether a car that asks for a negative current means it: proved at low power before more may flow.

ISO 15118-2 and DIN SPEC 70121 have no discharge. SAE J2847/2 has some of their cars ask for it by a negative target
current. What a car means by a negative number cannot be read from the standard that it speaks, so nothing is taken from
it on its word: for a number of measurements the power stays low, the inverter must measure a current out of the car,
and the station's meter, a device of its own, a power into the grid. What is measured while the station itself commands
no such current, or one too small to show, proves nothing, neither way.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

PROOF_W = 1_000.0
"""The most that is taken from a car whose sign is not proved."""
PROOF_TURNS = 20
"""Measurements in a row that must show it. A car that asks faster than the station measures proves no more by it."""
MOST_TURNS = 400
"""Measurements after which a sign that is not proved by then never will be."""
_LEAST_A = 0.5
"""Less than this is no current that proves anything."""
_ASKED_A = 1.5 * _LEAST_A
"""Less than this is not asked for: what comes of it may be less than `_LEAST_A`. At 1 000 V, `PROOF_W` is more."""


class Flow(NamedTuple):
    """What flows, positive into the car."""

    measured_s: float
    """When inverter and meter were both read, monotonic: the older of the two."""
    commanded_w: float
    """The inverter's set-point."""
    current_a: float
    """As the inverter measures it."""
    metered_w: float | None
    """None: nothing is known."""
    voltage_v: float
    """At the inverter's output."""


@dataclass(frozen=True, slots=True)
class SignProof:
    """How far the proof has got in this session."""

    turns: int = 0
    """Measurements so far while the car was to be discharged."""
    shown: int = 0
    """Those of them in a row, up to now, at which it flowed as asked."""
    seen_s: float = -inf
    """The time of the latest measurement that counted."""
    passed: bool = False
    failed: str = ""
    """Why the car is not discharged in this session; empty if it may be."""

    @property
    def most_w(self) -> float:
        """What may be taken from the car now."""
        return 0.0 if self.failed else inf if self.passed else PROOF_W

    def after(self, target_a: float, flow: Flow, trouble: str) -> "SignProof":
        """After one more request. `target_a`: what the car asks for; `trouble`: the error that it reports."""
        if self.failed or target_a >= 0:
            return replace(self, shown=0)
        if trouble:
            return replace(self, shown=0, failed=f"it reports {trouble} while it is asked to be discharged")
        if self.passed or flow.measured_s <= self.seen_s:
            return self
        if flow.commanded_w >= 0 or -flow.commanded_w < _ASKED_A * flow.voltage_v:
            return replace(self, shown=0)
        flows = flow.current_a <= -_LEAST_A and flow.metered_w is not None and flow.metered_w < 0
        turns, shown = self.turns + 1, self.shown + 1 if flows else 0
        late = turns >= MOST_TURNS and shown < PROOF_TURNS
        failed = f"no current out of it in {turns} measurements" if late else ""
        return SignProof(turns, shown, flow.measured_s, shown >= PROOF_TURNS, failed)
