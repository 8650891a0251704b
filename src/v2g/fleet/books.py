"""What a depot books for its fleet: energies each way, by vehicle and request, in stretches of a quarter of an hour.

Powers are summed up as they are measured. A stretch has its sequence from its beginning. It ends with the quarter, with
its vehicle, and with the request that it served; then it is an entry (`v2g.fleet.view.Entry`). `document` is all of it,
to be kept wherever the depot keeps its state: after a restart nothing is lost but what has flowed since it was kept.

Stretches that were under way in a document end when it is opened. If the document is an old one, restored from a
backup, the fleet has them already, longer and with the same sequence: nothing counts twice.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from v2g.fleet.view import Entry
from v2g.kernel.durations import HOUR_S

QUARTER_S = 900.0
LONGEST_S = 10.0
"""Between two looks. Of a longer time nobody knows what has flowed, and nothing is booked."""
TOLERATED_PU, TOLERATED_WH = 0.03, 1.0
"""Of what was asked: a difference that needs no reason."""
MICROSECONDS = 1e6
APART = 1000
"""Each sequence leaves the number of its process if divided by this. So two processes to which a mistake has given one
name do not write the same entry, whenever their stretches begin, unless their numbers leave the same."""


class Flow(Struct, frozen=True):
    """One charger just now, or the depot as a whole (no charger)."""

    charger: str
    vehicle: str
    contract: str
    power_w: float
    asked_w: float | None
    """What it should do for the request; None if nobody asks for a power."""
    why: str


class _Open(Struct):
    """A stretch under way."""

    charger: str
    vehicle: str
    contract: str
    request: str
    from_s: float
    until_s: float
    sequence: int = 0
    """0 in documents of earlier versions."""
    process: int = 0
    power_w: float = 0.0
    """As it was seen last."""
    asked_w: float | None = None
    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    asked_wh: float | None = None
    why: str = ""


class _Kept(Struct):
    """What survives a restart."""

    last: int
    open: list[_Open]
    waiting: list[Entry]
    latest: int = 0


class Books:
    """Of one depot."""

    def __init__(self, depot: str, kept: bytes | None = None, *, process: int = 0, span_s: float = QUARTER_S) -> None:
        """`kept`: the latest `document`, if there is one. One that cannot be read is as none. `process`: differs from
        one process of the depot to the next."""
        self._depot, self._process, self._span_s = depot, process, span_s
        self._open: dict[str, _Open] = {}
        self._seen_s: float | None = None
        self.waiting: list[Entry] = []
        """Entries that are not stored yet, in the order in which they were closed."""
        self.closed = 0
        """Entries since these books were opened."""
        self.last = self._latest = 0
        """Sequences of the latest entry, and of the latest stretch."""
        try:
            before = None if kept is None else msgspec.msgpack.decode(kept, type=_Kept)
        except msgspec.MsgspecError:
            before = None
        if before is not None:
            self.last, self.waiting, self._latest = before.last, before.waiting, max(before.last, before.latest)
            for each in before.open:
                each.sequence = each.sequence or self._sequence(each.from_s)
                self._close(each, carried=True)

    def document(self) -> bytes:
        """All of it."""
        return msgspec.msgpack.encode(_Kept(self.last, list(self._open.values()), self.waiting, self._latest))

    def see(self, now: float, request: str, flows: Iterable[Flow]) -> bool:
        """What flows now, and with what. Returns whether entries have been closed."""
        passed_s = 0.0 if self._seen_s is None else now - self._seen_s
        unseen = not 0.0 <= passed_s <= LONGEST_S
        self._seen_s = now
        count, seen = self.closed, set[str]()
        for flow in flows:
            seen.add(flow.charger)
            stretch = self._open.get(flow.charger)
            same = stretch is not None and _of(stretch) == (flow.vehicle, flow.contract, request)
            asked_w = flow.asked_w if request else None
            if stretch is not None and not unseen:
                # What another vehicle or request changes is none of this stretch.
                shown = (flow.power_w, asked_w) if same else (stretch.power_w, stretch.asked_w)
                _pass(stretch, passed_s / HOUR_S, *shown)
                stretch.until_s = now
            if stretch is None or unseen or not same or now // self._span_s != stretch.from_s // self._span_s:
                if stretch is not None:
                    self._close(stretch)
                self._open[flow.charger] = stretch = _Open(
                    flow.charger, flow.vehicle, flow.contract, request, now, now, self._sequence(now), self._process
                )
            stretch.power_w, stretch.asked_w, stretch.why = flow.power_w, asked_w, flow.why or stretch.why
        for charger in [each for each in self._open if each not in seen]:
            self._close(self._open.pop(charger))
        return self.closed > count

    def end(self) -> None:
        """Close everything that is under way."""
        for stretch in self._open.values():
            self._close(stretch)
        self._open.clear()

    def stored(self, count: int) -> None:
        """The first of those that wait are where they are not lost."""
        del self.waiting[:count]

    def _sequence(self, now: float) -> int:
        least = max(self._latest + 1, int(now * MICROSECONDS))
        self._latest = least + (self._process - least) % APART
        return self._latest

    def _close(self, stretch: _Open, *, carried: bool = False) -> None:
        """Nothing that moved nothing and was asked for nothing is worth an entry."""
        if not (stretch.charged_wh or stretch.discharged_wh or stretch.asked_wh):
            return
        delivered_wh, asked_wh = stretch.charged_wh - stretch.discharged_wh, stretch.asked_wh
        tolerated_wh = max(TOLERATED_PU * abs(asked_wh or 0.0), TOLERATED_WH)
        differs = asked_wh is not None and abs(delivered_wh - asked_wh) > tolerated_wh
        self.waiting.append(
            Entry(
                depot=self._depot, sequence=stretch.sequence, before=self.last, from_unix_s=stretch.from_s,
                until_unix_s=stretch.until_s, charger=stretch.charger, vehicle=stretch.vehicle,
                contract=stretch.contract, request=stretch.request, charged_wh=stretch.charged_wh,
                discharged_wh=stretch.discharged_wh, asked_wh=asked_wh, why=stretch.why if differs else "",
                process=stretch.process, carried=carried,
            )
        )  # fmt: skip
        self.last = stretch.sequence
        self.closed += 1


def _of(stretch: _Open) -> tuple[str, str, str]:
    return stretch.vehicle, stretch.contract, stretch.request


def _pass(stretch: _Open, hours: float, power_w: float, asked_w: float | None) -> None:
    """Since the last look: the mean of what was seen then and now."""
    mean_w = (stretch.power_w + power_w) / 2.0
    stretch.charged_wh += max(mean_w, 0.0) * hours
    stretch.discharged_wh += max(-mean_w, 0.0) * hours
    if stretch.asked_w is not None:
        mean_w = stretch.asked_w if asked_w is None else (stretch.asked_w + asked_w) / 2.0
        stretch.asked_wh = (stretch.asked_wh or 0.0) + mean_w * hours
