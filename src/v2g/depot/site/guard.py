"""What the house leaves its chargers, in each phase and each direction, so that main fuse and export limit hold.

The meter shows house and chargers together. What the chargers do at that instant is known from their set-points, but
not exactly: a set-point takes up to `response_s` to show at the meter. While one is under way the chargers may be
anywhere between the old power and the new one.

- Nothing exceeds its limit: the set-point under way may be reached, but not exceeded.
- A limit is exceeded, and chargers that have not reacted yet would explain it: wait, at most `response_s`.
- A limit stays exceeded for longer: make twice as much room, as something else is moving.
- Otherwise the chargers get what is left if the house takes all that it may be taking.

Less room holds at once, more only after it has been there for `raise_s`.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import inf
from typing import NamedTuple

from msgspec import Struct

from v2g.depot.allocation import share_of
from v2g.depot.site.doubt import Doubt
from v2g.depot.site.reading import HouseReading
from v2g.depot.tree import Room
from v2g.depot.view import Charger
from v2g.kernel.units import kw

BAND_W = 50.0
"""Of an excess below this the meter's noise may be the reason; limits are kept by this much."""
ROUNDED_W = 1.0
TOGETHER_S = 0.05
"""Readings that come within this time are of one look at the meter: a broker brings a message for each phase."""
SLOW_S, LATEST = 0.6, 8
"""A meter of which more than half of the latest readings come later than this one after the other is too slow: no limit
holds within a second then."""
ROWS = 4
"""The sum of the phases, then each of them."""
Row = tuple[float, float, float, float]
NOTHING: Row = (0.0, 0.0, 0.0, 0.0)
LATE_S = 6.0
"""For so long a slow car that is on its way explains that a limit is exceeded."""


class ConnectionLimit(NamedTuple):
    """One of a connection's limits: of what is drawn, or fed, as a sum or in a phase."""

    charges: bool
    """Whether chargers that charge make room; otherwise those that feed."""
    row: int


NO_ROOM = Room((0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0))


class Connection(Struct, frozen=True, kw_only=True):
    """The house's connection to the grid. Limits are magnitudes."""

    fuse_w: float
    """Main fuse of each phase, by nominal voltage, less a margin."""
    draw_w: float = inf
    """The most that the house may draw, as the sum of its phases."""
    export_w: float = 0.0
    """The most that may be fed, as the sum of the phases and in each phase."""
    nominal_v: float = 230.0
    response_s: float = 0.4
    """From a set-point until the meter shows all of it."""
    raise_s: float = 5.0
    silent_s: float = 3.0
    """A reading that is older is none."""
    silent_charge_w: float = 0.0
    """What the chargers may charge with in each phase while the meter is silent: what the fuse leaves beside the
    largest load of the house. Nothing is fed then."""
    over_s: float = 2.0
    """A limit that is exceeded for longer while chargers flow that way stops all of them: phases are mixed up, say."""
    rest_s: float = 60.0
    """How long they rest then."""


class Trouble(StrEnum):
    """What a site warns of."""

    METER_SILENT = "H01"
    """No plausible reading of the house's meter: nothing is fed, and charging falls to the fuse-safe value."""
    OVER = "H02"
    """The house alone exceeds the main fuse: no charger can bring that down."""
    NOT_OBEYED = "H03"
    """A limit stayed exceeded although the chargers should have made room: all of them rest for a while."""
    BATTERY_SILENT = "H04"
    """No reading of the house's battery: nothing is fed, as it might go into that battery."""
    NO_PRICES = "H05"
    """There are no valid prices: the fixed tariff of the configuration holds."""
    FAIL_SAFE = "H06"
    """The grid operator's control box is silent: its fail-safe value holds."""
    METER_SLOW = "H07"
    """The house's meter is read more slowly than main fuse and export limit need."""
    SLOW_CAR = "H08"
    """A car gives up its power more slowly than the export limit needs, so it feeds less."""


class SiteNotice(Struct, frozen=True):
    """One warning."""

    trouble: Trouble
    text: str


class Guard:
    """Of one connection. Give it every reading and every set-point; `room` is what holds now."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.reading: HouseReading | None = None
        self._commands: deque[tuple[float, Row]] = deque([(-inf, (0.0, 0.0, 0.0, 0.0))])
        """What all chargers together should do from each instant on, by row; positive charges."""
        self._charge = [_Way(connection) for _ in range(ROWS)]
        self._discharge = [_Way(connection) for _ in range(ROWS)]
        self._rests_until = -inf
        self._exceeded: frozenset[ConnectionLimit] = frozenset()
        self._gaps_s: deque[float] = deque(maxlen=LATEST)
        """Between the latest readings."""
        self._span: deque[tuple[int, list[float], list[float]]] = deque(maxlen=26)
        """The least and the most that the house has drawn without its chargers in each hour, by row."""
        self._doubt = Doubt(connection.silent_s)
        self.house_w = 0.0
        """What the house draws without its chargers, by the latest reading: as much as it may be drawing."""
        self._suns: deque[tuple[float, float]] = deque()
        """Until when it counts, and what the sun has left: rising, so that the first is the least of `raise_s`."""
        self.sun_w = 0.0
        """What the sun certainly leaves beside the house: what it has left for `raise_s`. A car that stops looks like
        sun until its charger has measured that."""

    def see(
        self, reading: HouseReading, fed_w: float | None = None, shown_w: Row | None = None, late_w: Row = NOTHING,
        short_w: tuple[Row, Row] = (NOTHING, NOTHING), least_w: float = inf,
    ) -> None:  # fmt: skip
        """A reading. `fed_w`: what may be fed just now if that is less than the connection's limit; below 0 if even
        that much should flow the other way. `shown_w`: what the chargers' own meters show, by row; None: nothing.
        `late_w`: what of that slow cars are still to give up, or to reach. `short_w`: by how much less cars certainly
        charge, and feed, than they should. `least_w`: what they draw for certain."""
        connection, now = self.connection, reading.unix_s
        if self.reading is not None and (gap_s := now - self.reading.unix_s) >= TOGETHER_S:
            self._gaps_s.append(gap_s)
        self.reading = reading
        self._doubt.see(reading, None if shown_w is None else shown_w[0])
        least, most = self._between(now)
        least = _row(each_w + min(off_w, 0.0) for each_w, off_w in zip(least, late_w, strict=True))
        most = _row(each_w + max(off_w, 0.0) for each_w, off_w in zip(most, late_w, strict=True))
        fuse_w = connection.fuse_w
        active_w = reading.active_w(connection.nominal_v)
        taken_w = reading.taken_w(connection.nominal_v, fuse_w)
        drawn = (sum(reading.powers_w), *map(sum, zip(active_w, taken_w, strict=True)))
        phase_w = min(connection.export_w, fuse_w) - BAND_W
        fed = (-sum(reading.powers_w), *(
            max(-power_w, taken - active + phase_w - (fuse_w - BAND_W))  # by the export limit, or by the fuse
            for power_w, active, taken in zip(reading.powers_w, active_w, taken_w, strict=True)
        ))  # fmt: skip
        export_w = min(connection.export_w, inf if fed_w is None else fed_w) - BAND_W
        into = (connection.draw_w, fuse_w, fuse_w, fuse_w)
        out = (export_w, phase_w, phase_w, phase_w)
        set_w = self.set_w
        stuck, beyond = False, set[ConnectionLimit]()
        for row in range(ROWS):
            charge, discharge = self._charge[row], self._discharge[row]
            late = abs(late_w[row]) > BAND_W
            charge.see(drawn[row], into[row], least[row], most[row], set_w[row], short_w[0][row], now, late=late)
            discharge.see(fed[row], out[row], -most[row], -least[row], -set_w[row], short_w[1][row], now, late=late)
            fed_most_w = out[row] if row else connection.export_w - BAND_W
            draws, feeds = (most[row], -least[row]) if shown_w is None else (
                max(most[row], shown_w[row]), max(-least[row], -shown_w[row])
            )  # fmt: skip
            if draws > BAND_W and drawn[row] > into[row] + BAND_W:
                beyond.add(ConnectionLimit(charges=True, row=row))
            if feeds > BAND_W and fed[row] > fed_most_w + BAND_W:
                beyond.add(ConnectionLimit(charges=False, row=row))
            if shown_w is not None:
                charge.hold(drawn[row], into[row], shown_w[row], set_w[row])
                discharge.hold(fed[row], out[row], -shown_w[row], -set_w[row])
            # A charger on another phase than was said shows where nobody should be.
            stuck |= charge.stuck(now) and most[0] > BAND_W
            stuck |= discharge.stuck(now) and -least[row] > BAND_W
        self._exceeded = frozenset(beyond)
        if stuck:
            self._rests_until = now + connection.rest_s
        self._remember(reading, most, shown_w, now)
        self.house_w = sum(reading.powers_w) - (least[0] - short_w[0][0])
        least_w = min(least[0], inf if shown_w is None else shown_w[0], least_w)
        self._see_sun(max(least_w - sum(reading.powers_w), 0.0), now)

    def _see_sun(self, sun_w: float, now: float) -> None:
        if not self._suns:  # what was before the first reading is not known
            self._suns.append((now + self.connection.raise_s, 0.0))
        while self._suns and self._suns[-1][1] >= sun_w:
            self._suns.pop()  # it would never be the least again
        self._suns.append((now + self.connection.raise_s, sun_w))
        while self._suns[0][0] <= now:
            self._suns.popleft()
        self.sun_w = self._suns[0][1]

    def _remember(self, reading: HouseReading, most_w: Row, shown_w: Row | None, now: float) -> None:
        """What the house draws at least and at most: by what chargers should do, or by what they show."""
        hour = int(now // 3600.0)
        if not self._span or self._span[-1][0] != hour:
            self._span.append((hour, [inf] * ROWS, [-inf] * ROWS))
        _, lows_w, highs_w = self._span[-1]
        flows_w = (sum(reading.powers_w), *reading.powers_w)
        for row in range(ROWS):
            each_w = most_w[row] if shown_w is None else shown_w[row]
            lows_w[row] = min(lows_w[row], flows_w[row] - min(most_w[row], each_w))
            highs_w[row] = max(highs_w[row], flows_w[row] - max(most_w[row], each_w))

    def lowest_w(self, now: float) -> Row:
        """What the house may come to draw at any moment, by row; below 0 if its sun may feed: the least in the last
        hour, and at this time of the day before. Nobody knows that it draws anything."""
        return _row(min([0.0, *(lows_w[row] for lows_w, _ in self._alike(now))]) for row in range(ROWS))

    def highest_w(self, now: float) -> Row:
        """The most that the house has drawn in the last hour, and at this time of the day before, by row. It may draw
        more at any moment."""
        return _row(max([0.0, *(highs_w[row] for _, highs_w in self._alike(now))]) for row in range(ROWS))

    def _alike(self, now: float) -> list[tuple[list[float], list[float]]]:
        hour = int(now // 3600.0)
        return [(lows_w, highs_w) for then, lows_w, highs_w in self._span if hour - then in (0, 1, 23, 24, 25)]

    def exceeded(self, now: float) -> frozenset[ConnectionLimit]:
        """The limits that the latest reading shows exceeded, while chargers flow that way."""
        return frozenset() if self.silent(now) else self._exceeded

    def command(self, set_w: Row, now: float) -> None:
        """What all chargers together should do from now on, by row."""
        if set_w != self._commands[-1][1]:
            self._commands.append((now, set_w))

    def silent(self, now: float) -> bool:
        """Whether there is no reading that counts."""
        reading = self.reading
        if reading is None or now - reading.unix_s > self.connection.silent_s:
            return True
        return self._doubt.reason(now) is not None

    def rests(self, now: float) -> bool:
        """Whether all chargers rest, as a limit stayed exceeded."""
        return now < self._rests_until

    def room(self, now: float) -> Room:
        """What the chargers may do from now on, all together."""
        if self.silent(now):
            safe_w = self.connection.silent_charge_w
            return Room((3.0 * safe_w, safe_w, safe_w, safe_w), NO_ROOM.discharge_w)
        if self.rests(now):
            return NO_ROOM
        set_w = self._commands[-1][1]
        charge_w = _row(way.room_w(now, each_w) for way, each_w in zip(self._charge, set_w, strict=True))
        return Room(charge_w, _row(way.room_w(now, -w) for way, w in zip(self._discharge, set_w, strict=True)))

    @property
    def set_w(self) -> Row:
        """What all chargers together should do, by row."""
        return self._commands[-1][1]

    def notices(self, now: float) -> list[SiteNotice]:
        """What a person should know."""
        if self.silent(now):
            safe_w = 3 * self.connection.silent_charge_w
            reading, why = self.reading, "is silent"
            if reading is not None and now - reading.unix_s <= self.connection.silent_s:
                why = self._doubt.reason(now) or why
            text = f"the house's meter {why}: nothing is fed, at most {kw(safe_w)} charge; check the meter"
            return [SiteNotice(Trouble.METER_SILENT, text)]
        if self.rests(now):
            text = "a limit stayed exceeded although the chargers made room; check on which phases the chargers are"
            return [SiteNotice(Trouble.NOT_OBEYED, f"{text}; they rest")]
        found = [
            SiteNotice(Trouble.OVER, f"phase {row}: the house alone exceeds the main fuse by {kw(way.beyond_w)}")
            for row, way in enumerate(self._charge)
            if row and way.beyond_w > BAND_W
        ]
        if (gap_s := self._usual_gap_s) > SLOW_S:
            text = f"the house's meter is read every {gap_s:.1f} s: main fuse and export limit hold within a second"
            found.append(SiteNotice(Trouble.METER_SLOW, f"{text} only if it is read at least every {SLOW_S:g} s"))
        return found

    @property
    def _usual_gap_s(self) -> float:
        """Between two readings; 0 until that is known."""
        return sorted(self._gaps_s)[LATEST // 2] if len(self._gaps_s) == LATEST else 0.0

    def _between(self, at: float) -> tuple[Row, Row]:
        """The least and the most that the chargers may have been doing at an instant."""
        commands, oldest = self._commands, at - self.connection.response_s
        while len(commands) > 1 and commands[1][0] <= oldest + 1e-6:
            commands.popleft()
        rows = [set_w for begins, set_w in commands if begins <= at]
        return _row(map(min, zip(*rows, strict=True))), _row(map(max, zip(*rows, strict=True)))


class _Way:
    """One limit in one direction: of the sum or a phase, drawn or fed. All powers are in that direction."""

    def __init__(self, connection: Connection) -> None:
        self._response_s, self._raise_s = connection.response_s, connection.raise_s
        self._over_s = connection.over_s
        self._rooms: deque[tuple[float, float]] = deque()
        """Latest rooms, each with the time until which it holds back a raise; growing."""
        self._since = inf
        """Since when the limit has been exceeded."""
        self._late = False
        self._room_w = 0.0
        self.beyond_w = 0.0
        """What the house alone exceeds the limit by."""

    def see(
        self, flow_w: float, limit_w: float, least_w: float, most_w: float, set_w: float, short_w: float, now: float,
        *, late: bool,
    ) -> None:  # fmt: skip
        """A reading. The chargers do between `least_w` and `most_w` of it, and should do `set_w`; `short_w`: what of
        that they certainly do not. `late`: some of them are slow and on their way."""
        self._late = late
        if limit_w == inf:
            self._room_w = inf
            return
        excess_w = flow_w - limit_w
        self._since = min(self._since, now) if excess_w > BAND_W else inf
        if excess_w > 0.0:  # to lower set-points that cars do not reach would change nothing
            least_w, most_w = least_w - short_w, most_w - short_w
        certain_w = limit_w - (flow_w - least_w)
        room_w = certain_w
        if excess_w > BAND_W and now - self._since >= (LATE_S if late else self._response_s) - 1e-6:
            room_w = certain_w - excess_w  # something else moves, such as a battery of the house: get ahead of it
        elif most_w > least_w:
            explained_w = limit_w - (flow_w - most_w)
            if excess_w <= 0.0:
                room_w = max(certain_w, set_w)
            else:
                room_w = max(certain_w, min(explained_w, set_w))
        self.beyond_w = max(-limit_w + flow_w - most_w, 0.0)
        while self._rooms and self._rooms[-1][1] >= room_w:
            self._rooms.pop()
        self._rooms.append((now + self._raise_s, room_w))
        self._room_w = room_w

    def hold(self, flow_w: float, limit_w: float, shown_w: float, set_w: float) -> None:
        """Raise nothing because of a charger that does less than it should: it may do all of it at any moment."""
        self._room_w = min(self._room_w, max(limit_w - (flow_w - shown_w), set_w))

    def stuck(self, now: float) -> bool:
        """Whether the limit has been exceeded for so long that making room should have helped."""
        return now - self._since > (max(self._over_s, LATE_S) if self._late else self._over_s)

    def room_w(self, now: float, set_w: float) -> float:
        """What the chargers may do this way: no more than they should do already, unless it has been there for long."""
        while len(self._rooms) > 1 and self._rooms[0][0] <= now:
            self._rooms.popleft()
        lowest_w = self._rooms[0][1] if self._rooms else self._room_w
        room_w = self._room_w if self._room_w < set_w - BAND_W else max(set_w, min(self._room_w, lowest_w))
        return max(room_w, 0.0)


def _row(values: Iterable[float]) -> Row:
    whole, first, second, third = values
    return whole, first, second, third


def exceeded(set_w: Row, room: Room) -> bool:
    """Whether set-points are beyond what there is room for."""
    return any(
        set_w[row] > room.charge_w[row] + ROUNDED_W or -set_w[row] > room.discharge_w[row] + ROUNDED_W
        for row in range(ROWS)
    )


def flows_w(chargers: Mapping[str, Charger], powers_w: Mapping[str, float]) -> Row:
    """What chargers do together, by row: as the sum and in each phase. A vehicle on one phase, nobody knows which,
    counts with all its power on each."""
    rows = [0.0] * ROWS
    for id, power_w in powers_w.items():
        rows[0] += power_w
        for phase in (1, 2, 3):
            rows[phase] += power_w * share_of(chargers[id].phases, phase)
    return _row(rows)
