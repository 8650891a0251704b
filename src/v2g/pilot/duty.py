"""Duty cycle of the control pilot and the current that it allows (IEC 61851-1, Tables A.7 and A.8).

| duty cycle | meaning for the car |
|---|---|
| 3 % to 7 % | high-level communication decides (ISO 15118); 5 % is sent |
| 8 % to 10 % | 6 A |
| 10 % to 85 % | duty x 60 A: 6 A to 51 A |
| 85 % to 96 % | (duty - 64 %) x 250 A: 52.5 A to 80 A |
| 96 % to 97 % | 80 A |
| anything else | no charging |

A duty cycle is a share of the period, 0 to 1: 1 is steady +12 V (no PWM), 0 is steady -12 V (state F).
"""

from dataclasses import dataclass

DIGITAL = 0.05
STEADY_HIGH, STEADY_LOW = 1.0, 0.0
LEAST_A, LARGEST_A = 6.0, 80.0

_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a duty cycle allows. The default is no charging."""

    current_a: float = 0.0
    """Largest current that the car may draw on each phase."""
    digital: bool = False
    """The limits come by high-level communication; without it there is no energy."""


def duty_for(current_a: float) -> float:
    """The duty cycle that announces at most `current_a`; steady high below 6 A, which no duty cycle can announce.

    Between 51 A and 52.5 A the standard has no duty cycle: 51 A is announced. Above 80 A it is 80 A.
    """
    if not current_a >= LEAST_A:  # NaN, too, is no current
        return STEADY_HIGH
    if current_a < 52.5:
        return min(current_a, 51.0) / 60
    return min(current_a, LARGEST_A) / 250 + 0.64


def meaning(duty: float) -> Meaning:
    """How a car understands a measured duty cycle."""
    if _within(duty, 0.03, 0.07):
        return Meaning(digital=True)
    if _within(duty, 0.08, 0.10):
        return Meaning(LEAST_A)
    if _within(duty, 0.10, 0.85):
        return Meaning(duty * 60)
    if _within(duty, 0.85, 0.96):
        return Meaning((duty - 0.64) * 250)
    return Meaning(LARGEST_A) if _within(duty, 0.96, 0.97) else Meaning()


def is_pwm(duty: float) -> bool:
    """Whether there is a square wave: states x2, neither x1 nor F."""
    return STEADY_LOW < duty < STEADY_HIGH


def _within(duty: float, low: float, high: float) -> bool:
    return low - _EXACT <= duty <= high + _EXACT
