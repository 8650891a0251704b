"""One step: what the site is asked for becomes a set-point for each charger, with what binds it."""

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import BY_TARGET, Floats, Ints, fill
from v2g.depot.capability import HOUR_S, WHATS, Capability, Margins
from v2g.depot.columns import Columns
from v2g.depot.dispatch import Binding, Dispatch, Notice, Setpoint, Trouble, What
from v2g.depot.request import asked
from v2g.depot.view import Site


class Settings(Struct, frozen=True, kw_only=True):
    """How the controller steers. Times in seconds."""

    cycle_s: float = 2.0
    """A step at least this often; at once on an event."""
    reserve_pu: float = 0.1
    """Of what the site can give, the share that is held for refills."""
    margins: Margins = Margins()


class Controller:
    """Steers one site. Holds what it must remember between two steps: last set-points, energies by reckoning."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._columns: Columns | None = None
        self._power_w: Floats = np.zeros(0)
        self._energy_wh: Floats = np.zeros(0)
        self._soc_s: Floats = np.zeros(0)
        self._then: float | None = None

    def step(self, site: Site, now: float) -> Dispatch:
        """The set-points from now on. `now`: Unix seconds, never less than at the step before."""
        columns = self._read(site)
        self._reckon(columns, now)
        can = Capability(columns, self._energy_wh, now, self.settings.margins)
        wanted = asked(site.requests, now, site.frequency_hz)
        network = columns.network
        request_w = np.inf if wanted.power_w is None else wanted.power_w
        if request_w >= 0:
            urgency = can.need_wh / (np.maximum(can.left_s, 60.0) / HOUR_S) + 1.0
            shares = fill(network, can.charge_w, urgency, request_w, network.charge_w)
            power_w, caps_bound = shares.power_w, can.charge_bound
        else:
            shares = fill(network, can.discharge_w, can.above_wh, -request_w, network.discharge_w)
            power_w, caps_bound = -shares.power_w, can.discharge_bound
        commanded_w = float(power_w.sum())
        short_w = 0.0 if wanted.power_w is None else abs(request_w - commanded_w)
        changed = frozenset(columns.ids[number] for number in np.flatnonzero(power_w != self._power_w))
        self._power_w = power_w
        return Dispatch(
            setpoints=_setpoints(columns, power_w, shares.bound, caps_bound, wanted.by),
            changed=changed,
            requested_w=wanted.power_w,
            requested_by=wanted.by,
            commanded_w=commanded_w,
            delivered_w=float(np.where(np.isnan(columns["measured_w"]), power_w, columns["measured_w"]).sum()),
            charge_room_w=float(can.charge_w.sum()),
            discharge_room_w=float(can.discharge_w.sum()),
            reserve_w=0.0,
            short_w=short_w,
            notices=tuple(
                Notice(Trouble.UNKNOWN_NODE, id, f"charger {id}: there is no node {site.chargers[id].node!r}")
                for id in columns.misplaced
            ),
        )

    def _read(self, site: Site) -> Columns:
        columns = self._columns
        if columns is None or not columns.fits(site.tree, site.chargers) or columns.moved(site.chargers):
            old, columns = columns, Columns(site.tree, site.chargers)
            kept = {} if old is None else {id: number for number, id in enumerate(old.ids)}
            self._power_w = np.array([self._power_w[kept[id]] if id in kept else 0.0 for id in columns.ids])
            self._energy_wh = np.array([self._energy_wh[kept[id]] if id in kept else np.nan for id in columns.ids])
            self._soc_s = np.array([self._soc_s[kept[id]] if id in kept else -np.inf for id in columns.ids])
            self._columns = columns
        columns.read(site.chargers)
        return columns

    def _reckon(self, columns: Columns, now: float) -> None:
        """Energy in each battery: as stated, and from then on by what has flowed."""
        measured_w = columns["measured_w"]
        flow_w = np.where(np.isnan(measured_w), self._power_w, measured_w)
        efficiency = columns["efficiency_pu"]
        into_w = np.where(flow_w > 0, flow_w * efficiency, flow_w / efficiency)
        self._energy_wh = self._energy_wh + into_w * (0.0 if self._then is None else now - self._then) / HOUR_S
        stated = (columns["soc_s"] != self._soc_s) | np.isnan(self._energy_wh)
        self._energy_wh = np.where(stated, columns["soc_pu"] * columns["capacity_wh"], self._energy_wh)
        self._soc_s = columns["soc_s"].copy()
        self._then = now


def _setpoints(columns: Columns, power_w: Floats, bound: Ints, caps_bound: Ints, by: str) -> dict[str, Setpoint]:
    names = columns.network
    setpoints = {}
    for number, id in enumerate(columns.ids):
        row = int(bound[number])
        if row >= 0:
            binding = Binding(What.NODE, names.row_name(row), abs(float(power_w[number])))
        elif row == BY_TARGET:
            binding = Binding(What.REQUEST, by)
        else:
            binding = Binding(WHATS[int(caps_bound[number])])
        setpoints[id] = Setpoint(float(power_w[number]), binding)
    return setpoints
