"""What the controller decides: a set-point for each charger, and why it is not another one."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from v2g.depot.allocation import Floats, Ints
from v2g.depot.binding import Binding, What
from v2g.depot.capability import WHATS
from v2g.depot.columns import Columns
from v2g.depot.sharing import Limits
from v2g.depot.view import Charger
from v2g.kernel.units import kw


class Setpoint(Struct, frozen=True):
    """The power of one charger, positive charges the vehicle."""

    power_w: float
    binding: Binding

    @property
    def why(self) -> str:
        """For a person: `discharging 4.2 kW, by: node T2; a higher limit of T2 than 30.0 kW ...`."""
        verb = "charging" if self.power_w > 0 else "discharging" if self.power_w < 0 else "idle at"
        return f"{verb} {kw(abs(self.power_w))}, by: {self.binding}; {self.binding.remedy}"


class Setpoints(Mapping[str, Setpoint]):
    """Of one step, by charger: columns, of which a value is made when somebody asks for it, as there may be thousands.
    They stay as they are, whatever the next step decides."""

    def __init__(
        self, columns: Columns, power_w: Floats, codes: Ints, limits: Limits, lowered: Mapping[tuple[int, bool], str],
        by: str,
    ) -> None:  # fmt: skip
        """`codes`: what binds each charger, a number in `WHATS`, or beyond it a row of the network. `lowered`: what has
        lowered the limits of rows for charging (True) or discharging. `by`: whose request is served."""
        self._ids, self._numbers, self._network = columns.ids, columns.numbers, columns.network
        self._chargers, self._places = columns.latest, columns.network.order
        self._power_w, self._codes = power_w, codes
        self._limits, self._lowered, self._by = limits, lowered, by
        self._made: dict[str, Setpoint] = {}
        self._bindings: dict[tuple[int, bool, str], Binding] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __getitem__(self, id: str) -> Setpoint:
        made = self._made.get(id)
        if made is None:
            number = self._numbers[id]
            made = self._made[id] = Setpoint(float(self._power_w[number]), self._binding(number))
        return made

    @property
    def powers_w(self) -> dict[str, float]:
        """All powers, by charger."""
        return dict(zip(self._ids, self._power_w.tolist(), strict=True))

    def bindings(self) -> Iterator[tuple[str, Binding]]:
        """What binds each charger."""
        return ((id, self._binding(number)) for number, id in enumerate(self._ids))

    def by_nodes(self) -> dict[str, str]:
        """The chargers that a node binds, with its name."""
        numbers = (self._codes >= len(WHATS)).nonzero()[0].tolist()
        return {self._ids[number]: str(self._binding(number)) for number in numbers}

    def _charger(self, number: int) -> Charger:
        return self._chargers[int(self._places[number])]

    def _binding(self, number: int) -> Binding:
        code, charges = int(self._codes[number]), bool(self._power_w[number] > 0)
        of = self._charger(number).charge_only if code < len(WHATS) and WHATS[code] is What.CHARGE_ONLY else ""
        found = self._bindings.get(key := (code, charges, of))
        if found is None:
            found = self._bindings[key] = self._made_binding(code, of, charges=charges)
        return found

    def _made_binding(self, code: int, of: str, *, charges: bool) -> Binding:
        if code < len(WHATS):
            return Binding(WHATS[code], self._by if WHATS[code] is What.REQUEST else of)
        row = code - len(WHATS)
        lowered_by = self._lowered.get((row, charges))
        name = self._network.row_name(row) + (f" ({lowered_by})" if lowered_by else "")
        limits_w = self._limits.charge_w if charges else self._limits.discharge_w
        return Binding(What.NODE, name, max(float(limits_w[row]), 0.0))


class Trouble(StrEnum):
    """What the controller warns of."""

    SHORT = "D01"
    """The request cannot be met: the vehicles, their floors, the nodes or the reserve do not allow it."""
    LOSS = "D02"
    """The meter shows less than the chargers should give: somebody is gone without a word."""
    DOES_NOT_FOLLOW = "D03"
    """A charger measures another power than its set-point for too long."""
    SILENT = "D04"
    """A charger has sent no measurement for too long."""
    NODE_OVER = "D05"
    """Other loads and stations on their own exceed a node's limit: no charger can bring that down."""
    METER_LOST = "D06"
    """The site's meter is stale, or contradicts the chargers: its feedback rests, or corrects little."""
    UNKNOWN_NODE = "D07"
    """A charger names a node that is not in the tree: it stays at 0."""
    HOT = "D08"
    """A transformer's hot spot is above its limit; what it may carry is lowered until it is not."""


class Notice(Struct, frozen=True):
    """One warning; `about` names the charger, node or request."""

    trouble: Trouble
    about: str
    text: str


class Dispatch(Struct, frozen=True, kw_only=True):
    """The outcome of one step."""

    setpoints: Setpoints
    """For every charger in the view."""
    changed: frozenset[str]
    """Whose set-point is another power than in the step before: only these must be sent."""
    requested_w: float | None
    requested_by: str
    commanded_w: float
    """Sum of the set-points."""
    delivered_w: float
    """What the chargers give just now as far as it is measured, and as expected otherwise."""
    charge_room_w: float
    """How much more the site could draw in this cycle, and how much more it could feed."""
    discharge_room_w: float
    reserve_w: float
    """While the site feeds: what the vehicles could give beyond what they are asked for, if others leave."""
    notices: tuple[Notice, ...] = ()
    short_w: float = 0.0
    """What is missing to the request; a magnitude."""
