"""What a depot books for its fleet: energies each way, by vehicle and request, in stretches of a quarter of an hour.

Powers are summed up as they are measured. A stretch ends with the quarter, with its vehicle, and with the request that
it served; then it is an entry (`v2g.fleet.view.Entry`) with a sequence of its own. `document` is all of it, to be kept
wherever the depot keeps its state: after a restart nothing is lost but what has flowed since it was kept last.
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
    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    asked_wh: float | None = None
    why: str = ""


class _Kept(Struct):
    """What survives a restart."""

    last: int
    open: list[_Open]
    waiting: list[Entry]


class Books:
    """Of one depot."""

    def __init__(self, depot: str, kept: bytes | None = None, *, span_s: float = QUARTER_S) -> None:
        """`kept`: the latest `document`, if there is one. One that cannot be read is as none."""
        self._depot, self._span_s = depot, span_s
        self._open: dict[str, _Open] = {}
        self._seen_s: float | None = None
        self.waiting: list[Entry] = []
        """Entries that are not stored yet, in order."""
        self.last = 0
        """Sequence of the latest entry."""
        try:
            before = None if kept is None else msgspec.msgpack.decode(kept, type=_Kept)
        except msgspec.MsgspecError:
            before = None
        if before is not None:
            self.last, self.waiting = before.last, before.waiting
            self._open = {each.charger: each for each in before.open}

    def document(self) -> bytes:
        """All of it."""
        return msgspec.msgpack.encode(_Kept(self.last, list(self._open.values()), self.waiting))

    def see(self, now: float, request: str, flows: Iterable[Flow]) -> bool:
        """What flows from now on; until now it was the same. Returns whether entries have been closed."""
        passed_s = 0.0 if self._seen_s is None else now - self._seen_s
        hours = passed_s / HOUR_S if 0.0 <= passed_s <= LONGEST_S else 0.0
        self._seen_s = now
        count, seen = len(self.waiting), set[str]()
        for flow in flows:
            seen.add(flow.charger)
            stretch = self._open.get(flow.charger)
            if stretch is not None:
                _add(stretch, flow, request, hours, now)
            if stretch is None or not self._goes_on(stretch, flow, request, now):
                if stretch is not None:
                    self._close(stretch, now)
                self._open[flow.charger] = _Open(flow.charger, flow.vehicle, flow.contract, request, now, now)
        for charger in [each for each in self._open if each not in seen]:
            self._close(self._open.pop(charger), now)
        return len(self.waiting) > count

    def end(self, now: float) -> None:
        """Close everything that is under way."""
        for stretch in self._open.values():
            self._close(stretch, now)
        self._open.clear()

    def stored(self, sequence: int) -> None:
        """All up to this one are where they are not lost."""
        self.waiting = [each for each in self.waiting if each.sequence > sequence]

    def _goes_on(self, stretch: _Open, flow: Flow, request: str, now: float) -> bool:
        return (stretch.vehicle, stretch.contract, stretch.request) == (
            flow.vehicle,
            flow.contract,
            request,
        ) and now // self._span_s == stretch.from_s // self._span_s

    def _close(self, stretch: _Open, now: float) -> None:
        """Nothing that moved nothing and was asked for nothing is worth an entry."""
        if not (stretch.charged_wh or stretch.discharged_wh or stretch.asked_wh):
            return
        sequence = max(self.last + 1, int(now * MICROSECONDS))
        delivered_wh, asked_wh = stretch.charged_wh - stretch.discharged_wh, stretch.asked_wh
        tolerated_wh = max(TOLERATED_PU * abs(asked_wh or 0.0), TOLERATED_WH)
        differs = asked_wh is not None and abs(delivered_wh - asked_wh) > tolerated_wh
        self.waiting.append(
            Entry(
                depot=self._depot, sequence=sequence, before=self.last, from_unix_s=stretch.from_s,
                until_unix_s=stretch.until_s, charger=stretch.charger, vehicle=stretch.vehicle,
                contract=stretch.contract, request=stretch.request, charged_wh=stretch.charged_wh,
                discharged_wh=stretch.discharged_wh, asked_wh=asked_wh, why=stretch.why if differs else "",
            )
        )  # fmt: skip
        self.last = sequence


def _add(stretch: _Open, flow: Flow, request: str, hours: float, now: float) -> None:
    stretch.until_s = now
    stretch.charged_wh += max(flow.power_w, 0.0) * hours
    stretch.discharged_wh += max(-flow.power_w, 0.0) * hours
    if flow.asked_w is not None and stretch.request:  # until now nobody may have asked
        stretch.asked_wh = (stretch.asked_wh or 0.0) + flow.asked_w * hours
    if flow.why and stretch.request == request:  # the first reason of another request is not one of this stretch
        stretch.why = flow.why
