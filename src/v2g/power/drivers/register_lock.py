"""A connector lock behind registers."""

import time

from v2g.power.drivers.register_map import Clock, MappedDevice
from v2g.power.lock import MOVES_WITHIN_S, LockFault, LockReading
from v2g.power.registers.map import Kind, RegisterMap, shipped
from v2g.power.registers.port import Registers

_READ = ("switch_locked", "switch_unlocked", "driven")


class RegisterLock:
    """`v2g.power.lock.ConnectorLock` by registers of a remote I/O module."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        needed = dict.fromkeys(("lock", *_READ), Kind.NUMBER)
        self._device = MappedDevice(registers, register_map or shipped("lock"), needed)
        self._clock = clock
        self._written: tuple[bool, float] | None = None
        self._driven = False
        self._differs_since_s: float | None = None
        """Since when the switches contradict what is driven."""

    async def command(self, *, locked: bool) -> None:
        """Drives the bolt; see the port."""
        if self._written is not None:
            was_locked, time_s = self._written
            if locked == was_locked and self._clock() - time_s < self._device.map.heartbeat_s:
                return
        self._written = None  # unknown until it has been acknowledged
        await self._device.write({"lock": float(locked)})
        self._written = locked, self._clock()

    async def read(self) -> LockReading:
        """Reads the bolt's position; see the port."""
        values = await self._device.read(*_READ)
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
