"""A connector lock behind registers."""

from v2g.power.drivers.mapped import numbers
from v2g.power.drivers.register_map import ByRegisters
from v2g.power.lock import MOVES_WITHIN_S, LockFault, LockReading

_READ = ("switch_locked", "switch_unlocked", "driven")


class RegisterLock(ByRegisters):
    """`v2g.power.lock.ConnectorLock` by registers of a remote I/O module."""

    MAP = "lock"
    NEEDED = numbers("lock", *_READ)

    _driven = False
    _differs_since_s: float | None = None
    """Since when the switches contradict what is driven."""

    async def command(self, *, locked: bool) -> None:
        """Drives the bolt; see the port."""
        await self._hold("lock", float(locked))

    async def read(self) -> LockReading:
        """Reads the bolt's position; see the port."""
        values = await self.device.read(*_READ)
        locked, unlocked, driven = (values[name] == 1 for name in _READ)
        now = self._clock()
        return LockReading(now, locked and not unlocked, driven, self._fault(now, locked, unlocked, driven))

    def _fault(self, now: float, locked: bool, unlocked: bool, driven: bool) -> LockFault | None:
        """What has lasted longer than a movement takes."""
        if driven != self._driven:  # it begins to move
            self._driven, self._differs_since_s = driven, None
        if locked == driven and unlocked != driven:
            self._differs_since_s = None
            return None
        if self._differs_since_s is None:
            self._differs_since_s = now
        if now - self._differs_since_s <= MOVES_WITHIN_S:
            return None
        if locked == unlocked:
            return LockFault.FEEDBACK_LOST
        return LockFault.DOES_NOT_LOCK if driven else LockFault.DOES_NOT_UNLOCK
