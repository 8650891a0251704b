"""A depot as a controlled station of IEC 60870-5-104, for one controlling station at a time.

What has changed is reported each second. What is commanded is as in `v2g.io.operated`.
"""

from collections.abc import Callable, Iterator
from math import isfinite
from time import monotonic

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Iec104
from v2g.io.grid_depot import Depot, Plant, ratings_of
from v2g.io.modbus_tls import context_if_named
from v2g.io.one_master import Language, OneMaster
from v2g.io.operated import Operated
from v2g.kernel.errors import V2GError
from v2g.languages.iec104 import asdu, points
from v2g.languages.iec104.asdu import AsduError, Cause, Kind
from v2g.languages.iec104.link import Link

SELECTED_S = 10.0
"""So long a selected command may be executed."""
_DEADBAND = {1001: 100.0, 1002: 0.01, 1003: 500.0, 1004: 500.0, 1005: 0.5, 1006: 500.0}
"""By object, what has to change until it is reported without being asked."""


class Station:
    """The objects, and the answers to frames."""

    def __init__(self, plant: Plant, settings: Iec104, report: Callable[[str], None]) -> None:
        self._plant, self._station, self._report = plant, settings.station, report
        self.operated = Operated(plant, "IEC 60870-5-104 control centre", float(settings.silence_s))
        self._selected: tuple[bytes, float] = b"", 0.0
        self._reported: dict[int, float | bool | None] = {}

    def changed(self) -> list[bytes]:
        """What has changed since it was reported last."""
        floats, single = self._floats(), self._single()
        new = {at: value for at, value in {**floats, **single}.items() if self._differs(at, value)}
        self._reported |= new
        return [
            *asdu.shown(Kind.FLOAT, [(at, new[at]) for at in floats if at in new], Cause.SPONTANEOUS, self._station),
            *asdu.shown(
                Kind.SINGLE_POINT, [(at, new[at]) for at in single if at in new], Cause.SPONTANEOUS, self._station
            ),
        ]

    def handle(self, frame: bytes) -> Iterator[bytes]:
        """The answers to a frame of the controlling station."""
        try:
            head = asdu.head_of(frame)
            if head.station not in (self._station, 0xFFFF):
                yield asdu.answered(frame, Cause.UNKNOWN_STATION, negative=True)
            elif head.kind not in (Kind.INTERROGATION, Kind.SINGLE_COMMAND, Kind.SET_POINT):
                yield asdu.answered(frame, Cause.UNKNOWN_TYPE, negative=True)
            elif head.cause != Cause.ACTIVATION or head.count != 1:
                yield asdu.answered(frame, Cause.UNKNOWN_CAUSE, negative=True)
            elif head.kind == Kind.INTERROGATION:
                yield from self._interrogated(frame)
            else:
                yield from self._commanded(frame)
        except AsduError as error:
            self._report(f"IEC 60870-5-104: {error}")

    def _interrogated(self, frame: bytes) -> Iterator[bytes]:
        if frame[-1] != asdu.STATION:
            yield asdu.answered(frame, Cause.CONFIRMATION, negative=True)
            return
        yield asdu.answered(frame, Cause.CONFIRMATION)
        floats, single = self._floats(), self._single()
        self._reported = {**floats, **single}
        yield from asdu.shown(Kind.FLOAT, list(floats.items()), Cause.INTERROGATED, self._station)
        yield from asdu.shown(Kind.SINGLE_POINT, list(single.items()), Cause.INTERROGATED, self._station)
        yield asdu.answered(frame, Cause.TERMINATION)

    def _commanded(self, frame: bytes) -> Iterator[bytes]:
        at, value, selects = asdu.command_of(frame)
        known = points.COMMANDS if frame[0] == Kind.SINGLE_COMMAND else points.SET_POINTS
        if at not in known:
            yield asdu.answered(frame, Cause.UNKNOWN_OBJECT, negative=True)
            return
        plain, now = frame[:-1] + bytes([frame[-1] & ~asdu.SELECT]), monotonic()
        chosen, until_s = self._selected
        self._selected = b"", 0.0
        try:
            if not isfinite(value):
                raise V2GError(f"{value} is no number")
            if chosen and not selects and (chosen == plain) is (now > until_s):  # one that was given up is none
                raise V2GError("another command was selected, or it was too long ago")
            if frame[0] == Kind.SET_POINT:
                self.operated.controls.check(known[at], value)
            if selects:
                self._selected = plain, now + SELECTED_S
            elif frame[0] == Kind.SET_POINT:
                self.operated.write(known[at], value)
            else:
                self.operated.operate(known[at], bool(value))
        except V2GError as error:
            self._report(f"IEC 60870-5-104, object {at}: {error}")
            yield asdu.answered(frame, Cause.CONFIRMATION, negative=True)
            return
        yield asdu.answered(frame, Cause.CONFIRMATION)
        if not selects:
            yield from self.changed()
            yield asdu.answered(frame, Cause.TERMINATION)

    def _floats(self) -> dict[int, float | None]:
        seen, controls = self._plant.seen(), self.operated.controls
        shown = {at: value(seen) for at, value in points.FLOATS.items()}
        return shown | {at: controls.value(number) for at, number in points.HOLDS.items()}

    def _single(self) -> dict[int, bool]:
        seen = self._plant.seen()
        shown = {at: value(seen) for at, value in points.SINGLE.items()}
        return shown | {at: self.operated.stands(number) for at, number in points.STANDS.items()}

    def _differs(self, at: int, value: float | bool | None) -> bool:
        before = self._reported.get(at)
        if value is None or before is None:
            return value is not before or at not in self._reported
        return abs(float(value) - float(before)) >= _DEADBAND.get(at, 1e-6)


class Conversation:
    """One connection, with the link's own rules."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._link = Link(station.handle, monotonic())

    def receive(self, octets: bytes) -> bytes:
        answer = self._link.receive(octets, monotonic())
        self._station.operated.heard()
        return answer

    def look(self) -> bytes:
        now = monotonic()
        changed = self._station.changed() if self._link.started else ()  # what is not said is not reported
        return self._link.expire(now) + self._link.send(changed, now)


async def serve(depot: Depot, configuration: Configuration, settings: Iec104, report: Callable[[str], None]) -> None:
    """Serve until cancelled. Raises `ListenError`."""
    station = Station(Plant(depot, ratings_of(configuration), Channel.IEC_104), settings, report)
    tls = context_if_named(settings.certificate, settings.private_key, settings.roots)
    language = Language("IEC 60870-5-104 control centre", "iec104")
    await OneMaster(language, settings.listen, settings.masters, report, lambda: Conversation(station)).serve(tls)
