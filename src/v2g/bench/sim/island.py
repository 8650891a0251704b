"""A station that feeds a parallel RLC load whose grid has gone.

Complex phasors in a frame that turns at the nominal frequency, per unit of the matched load and the nominal voltage.
The inverter is a source of constant power with a current limit, locked to the voltage; the sensing unit averages the
frequency over five cycles, as a real one does.
"""

from cmath import phase
from collections import deque
from math import tau

STEP_S = 0.00025
_CURRENT_MAX_PU = 1.3
_MEASURED_CYCLES = 5


class Island:
    """`active` and `reactive`: the load's active and its inductor's reactive power, as a share of the match."""

    def __init__(self, nominal_hz: float, active: float = 1.0, reactive: float = 1.0, quality: float = 1.0) -> None:
        self.nominal_hz = nominal_hz
        self.fed_pu = 1.0
        self.drawn_pu = 0.0
        """Reactive power that the inverter draws."""
        self._omega = tau * nominal_hz
        self._conductance = active
        self._capacitance = quality / self._omega
        self._inductance = 1 / (self._omega * quality * reactive)
        self._voltage = 1 + 0j
        self._inductor = self._voltage / (1j * self._omega * self._inductance)
        window = round(_MEASURED_CYCLES / nominal_hz / STEP_S) + 1
        self._phases: deque[float] = deque([0.0] * window, maxlen=window)

    @property
    def voltage_pu(self) -> float:
        return abs(self._voltage)

    @property
    def measured_hz(self) -> float:
        """The frequency of the last five cycles."""
        return self.nominal_hz + (self._phases[-1] - self._phases[0]) / (tau * (len(self._phases) - 1) * STEP_S)

    def step(self, seconds: float) -> None:
        """Lets time pass."""
        for _ in range(round(seconds / STEP_S)):
            before = self._voltage
            current = complex(self.fed_pu, self.drawn_pu) * before / max(abs(before), 0.05) ** 2
            if abs(current) > _CURRENT_MAX_PU:
                current *= _CURRENT_MAX_PU / abs(current)
            self._implicit_step(current)
            self._phases.append(self._phases[-1] + phase(self._voltage / before))

    def _implicit_step(self, current: complex) -> None:
        """Backward Euler for the capacitor's voltage and the inductor's current."""
        turn = 1 + 1j * self._omega * STEP_S
        ahead = STEP_S / self._capacitance
        share = turn + ahead * (self._conductance + STEP_S / self._inductance / turn)
        self._voltage = (self._voltage + ahead * (current - self._inductor / turn)) / share
        self._inductor = (self._inductor + STEP_S / self._inductance * self._voltage) / turn
