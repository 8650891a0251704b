"""The DC cable check: is the cable's insulation sound before a car is connected to the inverter?

After IEC 61851-23: the output must be safely low before the contactor closes, then the cable is put under test
voltage, the monitor proves itself, and the resistance to earth decides. Every step has its time; any miss is a failure.
"""

from dataclasses import dataclass
from enum import Enum, auto

from v2g.iso15118.service import Service
from v2g.kernel.units import kohm
from v2g.power.contactor import ContactorReading
from v2g.power.inverter import OFF, InverterMode, InverterReading, InverterSetpoint
from v2g.power.isolation import IsolationReading, SelfTest

SAFE_V = 60.0
MIN_RESISTANCE_OHM = 100_000.0
"""IEC 61851-23: 100 Ohm for each volt, at up to 1000 V."""
MIN_RESISTANCE_MCS_OHM = 125_000.0
"""The same at up to 1250 V."""
TEST_CURRENT_A = 2.0
TOLERANCE_V = 10.0
_STEP_S = 10.0
"""How long each step may take; the car gives the whole check 40 s."""


class _Step(Enum):
    DISCHARGE = auto()
    CLOSE = auto()
    RAISE = auto()
    SELF_TEST = auto()
    LOWER = auto()


@dataclass(frozen=True, slots=True)
class CableOrders:
    """What the check wants of the hardware now. Levels."""

    inverter: InverterSetpoint
    contactor_closed: bool
    self_test: bool = False


def least_ohm(service: Service | None) -> float:
    """What the insulation must have at least."""
    return MIN_RESISTANCE_MCS_OHM if service is not None and service.mcs else MIN_RESISTANCE_OHM


class CableCheck:
    """One run of the check. `passed` and `failed` are final."""

    def __init__(self, test_voltage_v: float, now: float, service: Service | None = None) -> None:
        self.passed = False
        self.failed: str | None = None
        self._test_voltage_v, self._least_ohm = test_voltage_v, least_ohm(service)
        self._step = _Step.DISCHARGE
        self._since = now

    def step(
        self,
        inverter: InverterReading | None,
        contactor: ContactorReading | None,
        isolation: IsolationReading | None,
        self_test_since: float | None,
        now: float,
    ) -> CableOrders:
        """Judge fresh readings and say what the hardware should do. Without a reading (None) nothing is judged, and the
        step's time runs on.

        `self_test_since`: when the monitor acknowledged the start of its last self-test. What it says of an earlier one
        does not count.
        """
        if not self.passed and self.failed is None:
            if inverter is not None and contactor is not None and isolation is not None:
                tested = self_test_since is not None and self._since <= self_test_since < isolation.time_s
                if min(inverter.time_s, contactor.time_s) > self._since:  # seen since the step's orders
                    self._judge(inverter, contactor, isolation, tested, now)
            if self.failed is None and not self.passed and now - self._since > _STEP_S:
                self.failed = f"{self._step.name.lower()} took longer than {_STEP_S:g} s"
        return self._orders()

    def _judge(
        self,
        inverter: InverterReading,
        contactor: ContactorReading,
        isolation: IsolationReading,
        tested: bool,
        now: float,
    ) -> None:
        match self._step:
            case _Step.DISCHARGE if abs(inverter.voltage_v) < SAFE_V:
                self._go(_Step.CLOSE, now)
            case _Step.CLOSE if contactor.closed:
                self._go(_Step.RAISE, now)
            case _Step.RAISE if abs(inverter.voltage_v - self._test_voltage_v) <= TOLERANCE_V:
                self._go(_Step.SELF_TEST, now)
            case _Step.SELF_TEST if tested and isolation.self_test is SelfTest.FAILED:
                self.failed = "the isolation monitor failed its self-test"
            case _Step.SELF_TEST if tested and isolation.self_test is SelfTest.PASSED:
                if isolation.resistance_ohm >= self._least_ohm:
                    self._go(_Step.LOWER, now)
                else:
                    needed = f"at least {kohm(self._least_ohm)} required"
                    self.failed = f"insulation resistance {kohm(isolation.resistance_ohm)}; {needed}"
            case _Step.LOWER if abs(inverter.voltage_v) < SAFE_V:
                self.passed = True
            case _:
                pass

    def _go(self, step: _Step, now: float) -> None:
        self._step, self._since = step, now

    def _orders(self) -> CableOrders:
        if self.failed is not None:
            return CableOrders(OFF, contactor_closed=False)
        if self._step in (_Step.RAISE, _Step.SELF_TEST):
            test = InverterSetpoint(mode=InverterMode.VOLTAGE, voltage_v=self._test_voltage_v, current_a=TEST_CURRENT_A)
            return CableOrders(test, contactor_closed=True, self_test=self._step is _Step.SELF_TEST)
        return CableOrders(OFF, contactor_closed=self._step is not _Step.DISCHARGE)


def test_voltage_v(ev_max_v: float, evse_max_v: float) -> float:
    """IEC 61851-23:2023, formula CC.1."""
    if ev_max_v <= 500.0:
        return min(500.0, ev_max_v + 50.0, evse_max_v)
    return min(evse_max_v, 1.1 * ev_max_v)
