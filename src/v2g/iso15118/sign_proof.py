"""Whether a car that asks for a negative current means it: proved at low power before more may flow.

ISO 15118-2 and DIN SPEC 70121 have no discharge. SAE J2847/2 has some of their cars ask for it by a negative target
current. What a car means by a negative number cannot be read from the standard that it speaks, so nothing is taken from
it on its word: for a number of responses the power stays low, the inverter must measure a current out of the car, and
the station's meter, a device of its own, a power into the grid.
"""

from dataclasses import dataclass, replace
from math import inf

PROOF_W = 1_000.0
"""The most that is taken from a car whose sign is not proved."""
PROOF_TURNS = 20
"""Responses in a row that must show it."""
MOST_TURNS = 400
"""Requests for a negative current after which a sign that is not proved by then never will be."""
_LEAST_A = 0.5
"""Less than this is no current that proves anything."""


@dataclass(frozen=True, slots=True)
class SignProof:
    """How far the proof has got in this session."""

    turns: int = 0
    """Requests for a negative current so far."""
    shown: int = 0
    """Those of them in a row, up to now, at which it flowed as asked."""
    passed: bool = False
    failed: str = ""
    """Why the car is not discharged in this session; empty if it may be."""

    @property
    def most_w(self) -> float:
        """What may be taken from the car now."""
        return 0.0 if self.failed else inf if self.passed else PROOF_W

    def after(self, target_a: float, current_a: float, metered_w: float | None, trouble: str) -> "SignProof":
        """After one more request. `target_a`: what the car asks for; `current_a`, `metered_w`: what inverter and meter
        measure, positive into the car (None: nothing is known); `trouble`: the error that the car reports."""
        if self.failed or target_a >= 0:
            return replace(self, shown=0)
        if trouble:
            return replace(self, shown=0, failed=f"it reports {trouble} while it is asked to be discharged")
        if self.passed:
            return self
        flows = current_a <= -_LEAST_A and metered_w is not None and metered_w < 0
        turns, shown = self.turns + 1, self.shown + 1 if flows else 0
        failed = "" if turns < MOST_TURNS or shown >= PROOF_TURNS else f"no current out of it within {turns} requests"
        return SignProof(turns, shown, shown >= PROOF_TURNS, failed)
