"""What goes wrong between the station and its power electronics."""

from v2g.kernel.errors import V2GError


class PowerError(V2GError):
    """A device did not do what was asked. Names the device, its address and what to do about it.

    The station treats any of these as a lost device: the unknown is not a permission.
    """

    def __init__(self, device: str, address: str, reason: str, remedy: str) -> None:
        super().__init__(f"{device} at {address}: {reason}; {remedy}")
        self.device = device
        self.address = address
        self.reason = reason
        self.remedy = remedy


class Unreachable(PowerError):
    """No connection, or no answer in time."""


class Refused(PowerError):
    """The device answered with an exception: it does not know the register, or does not accept the value."""

    def __init__(self, device: str, address: str, reason: str, remedy: str, *, no_such_place: bool = False) -> None:
        """`no_such_place`: the device says that it has no such registers, and will say so again."""
        super().__init__(device, address, reason, remedy)
        self.no_such_place = no_such_place


class ReadBackMismatch(PowerError):
    """The device does not hold what was written to it, and holds more than a clipped value of it."""


class Implausible(PowerError):
    """A value that the quantity cannot have: not a number, outside its range, or an unknown code."""
