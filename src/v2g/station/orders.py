"""What an EVSE's hardware should be. Orders are levels, made again and again; without a cause they are `SAFE`."""

from msgspec import Struct

from v2g.pilot.duty import STEADY_LOW
from v2g.power.inverter import OFF, InverterMode, InverterSetpoint


class Orders(Struct, frozen=True):
    """What the hardware should be. The default is the safe state."""

    inverter: InverterSetpoint = OFF
    contactor_closed: bool = False
    self_test: bool = False
    ccid_closed: bool = False
    """Of the circuit-interrupting device on the grid's side, which stays closed while nothing is wrong."""
    locked: bool = False
    """Of the connector lock. False does not free the plug at once: the shell holds it until the contactor is open."""
    pilot_duty: float = STEADY_LOW
    """Duty cycle of the control pilot; the default is state F, no car."""
    pump: float = 1.0
    """Of the coolant; the default is all of it."""
    matching: bool = False
    """Whether cars should be matched on the power line."""
    phases: int = 3
    """What a closed contactor connects: at one phase, that of L2 and L3 stays open."""

    @property
    def safe(self) -> bool:
        """No power, contactor open."""
        return self.inverter.mode is InverterMode.OFF and not self.contactor_closed


SAFE = Orders()
