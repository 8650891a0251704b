"""The bytes of a day: counted, and held below a limit by leaving out what need not arrive."""

from v2g.kernel.durations import DAY_S
from v2g.ocpp.device_model import Variable
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation

KIND, _CTRL = "data usage", "DataUsageCtrlr"
SPARES_FROM = 0.8
"""Of the limit: the rest is for what has to arrive."""
LONGEST = 40
"""Digits of what is kept."""
KEPT_EVERY = 20_000
"""Bytes between two writes of the count to the disk."""


class DataUsage(Block):
    """Frames in both directions since midnight (UTC), before the carrier compresses them. It survives a restart."""

    first = True

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._day, self._today = self._load()
        self._kept = self._today
        self._seen = 0
        station.model.add(
            (
                Variable(_CTRL, "DailyLimit", "0", "integer", "ReadWrite", "B", 0, 10_000_000_000),
                Variable(_CTRL, "Today", data_type="integer", unit="B", read=lambda: str(self._today)),
            )
        )

    def _load(self) -> tuple[int, int]:
        day, _, count = self.station.store.found.get((KIND, "1"), b"").decode(errors="replace").partition(" ")
        known = day.isdecimal() and count.isdecimal() and len(day + count) <= LONGEST
        return (int(day), int(count)) if known else (0, 0)

    def step(self) -> None:
        station = self.station
        if (day := int(station.unix_s) // DAY_S) != self._day:
            self._day, self._today, self._kept = day, 0, 0
        self._today += station.carried_bytes - self._seen
        self._seen = station.carried_bytes
        if self._today - self._kept >= KEPT_EVERY:
            self._kept = self._today
            station.store.put(KIND, "1", f"{self._day} {self._today}".encode())
        limit = station.model.number(_CTRL, "DailyLimit")
        spares = bool(limit) and self._today >= SPARES_FROM * limit
        if spares and not station.spares:
            station.log.append(f"{self._today} of {limit:.0f} bytes of today are used: meter values are left out")
        station.spares = spares
