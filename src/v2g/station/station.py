"""The station as a whole: EVSEs, shares of the site, the operator's commands, one snapshot. No clock, no sockets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from v2g.iso15118.view import Stage, Stop
from v2g.kernel.errors import V2GError
from v2g.kernel.units import exact_kvar, exact_kw
from v2g.station import command, grid_settings
from v2g.station.access import Authorizer
from v2g.station.config.settings import Settings
from v2g.station.evse import Evse
from v2g.station.kept import KeptEvse
from v2g.station.operator import CommandRefused, inject, limit
from v2g.station.restart import INSTALLS, is_idle, why_not_restart
from v2g.station.site import shares
from v2g.station.snapshot import StationSnapshot, evse_snapshot, explain
from v2g.station.steering import steer


@dataclass(frozen=True, slots=True)
class Register:
    """A limit of the inverter that can be set by hand, by its register."""

    name: str
    address: int
    scale: float
    """Watts for each unit of the register's value."""

    @property
    def direction(self) -> float:
        """Positive if it limits charging."""
        return 1.0 if self.name == "charge_limit_w" else -1.0


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command."""

    result: object
    """What JSON can hold."""
    note: str = ""
    """For the trace; empty if there is nothing to say."""
    evses: tuple[Evse, ...] = ()
    """Those that have to decide again, at once (`Evse.heed`)."""
    ends: bool = False
    """The process has to end."""
    waits: bool = False
    """The process has to end as soon as no car is in session (`is_idle`)."""
    explains: Evse | None = None
    """The result is this EVSE's explanation, once it has decided again."""
    written: tuple[Evse, str, float] | None = None
    """A limit was set: the field of the inverter's set-point and its value, to be read back."""


class Station:
    """All EVSEs of one process."""

    def __init__(
        self,
        settings: Settings,
        kept: Mapping[int, KeptEvse] | None = None,
        authorizers: Mapping[int, Authorizer] | None = None,
        make: Callable[..., Evse] = Evse,
    ) -> None:
        """`kept`: what an earlier process left behind, by EVSE. `authorizers`: who decides about cars, by EVSE; the
        configured lists if left out. `make`: makes an EVSE, with the arguments of `Evse`."""
        kept, site = kept or {}, shares(settings)
        self.evses = {
            each.id: make(
                each, site=site.get(each.id), kept=kept.get(each.id), authorizer=(authorizers or {}).get(each.id)
            )
            for each in settings.evses
        }
        self.installs: Callable[[], bool] = lambda: False
        """Whether a firmware is being installed: the process must not end before that has."""
        self.registers: dict[int, tuple[Register, ...]] = {}
        """The inverter's limits that can be set by hand, by EVSE; known once the devices are."""

    def snapshot(self, now: float, unix_s: int) -> StationSnapshot:
        """The state of the station."""
        evses = self.evses.values()
        return StationSnapshot(
            sequence=sum(evse.sequence for evse in evses),
            unix_s=unix_s,
            evses=tuple(evse_snapshot(evse, now) for evse in evses),
        )

    def obey(self, asked: command.Command, now: float, unix_s: int, by: str = "the operator") -> Done:
        """Carry out a command of the operator. Raises `V2GError` with the reason if that is not possible.

        `by`: who asks, for the log.
        """
        match asked:
            case command.Status():
                return Done(self.snapshot(now, unix_s))
            case command.Explain():
                return Done([explain(evse, now) for evse in self._chosen(asked.evse)])
            case command.Sensors():
                from v2g.station import sensors  # loaded if somebody asks

                return Done(sensors.shown(self._chosen(asked.evse), now))
            case command.Stop():
                return self._ask(Stop.TERMINATE, asked.evse, now)
            case command.Pause():
                return self._ask(Stop.PAUSE, asked.evse, now)
            case command.Restart():
                return self._restart(asked)
            case command.Inject():
                return self._inject(asked, now)
            case command.WriteRegister():
                return self._write(asked)
            case command.GridSet() | command.GridGet() | command.GridDefault():
                return self._grid(asked, now, unix_s, by)
            case _:
                evse = self._only(asked.evse)
                return Done(None, steer(evse, asked, now), (evse,), explains=evse)

    def stop_all(self, now: float) -> None:
        """Ask every car in session to end it."""
        for evse in self.evses.values():
            evse.stop(Stop.TERMINATE, now)

    def _ask(self, kind: Stop, evse_id: int | None, now: float) -> Done:
        asked = tuple(evse for evse in self._chosen(evse_id) if evse.stop(kind, now))
        return Done({"asked": [evse.settings.id for evse in asked]}, evses=asked)

    def _restart(self, asked: command.Restart) -> Done:
        installs = self.installs() and not asked.force
        reason = INSTALLS if installs else why_not_restart(self.evses.values(), force=asked.force)
        if asked.ask:
            return Done({"may": reason is None, "reason": reason})
        if asked.wait and (installs or not is_idle(self.evses.values())):
            note = "a restart waits until no car is in session"
            return Done({"ends": False, "reason": reason}, note, tuple(self.evses.values()), waits=True)
        if reason is not None:
            raise V2GError(reason)
        flowing = sum(evse.demand.stage is Stage.ENERGY for evse in self.evses.values())
        return Done({"ends": True, "sessions": flowing}, ends=True)

    def _inject(self, asked: command.Inject, now: float) -> Done:
        evse = self._only(asked.evse)
        inject(evse, asked, now)
        power = "" if asked.mode in ("auto", "idle") else f" {exact_kw(asked.power_w)}"
        var = f", feeding {exact_kvar(asked.fed_var)}" if asked.fed_var else ""
        note = f"the operator asks: {asked.mode}{power}{var}" + (f" for {asked.for_s:g} s" if asked.for_s else "")
        return Done(None, note, (evse,), explains=evse)

    def _write(self, asked: command.WriteRegister) -> Done:
        evse = self._only(asked.evse)
        registers = self.registers.get(evse.settings.id, ())
        if not registers:
            raise CommandRefused("there is no inverter with a register map at this EVSE")
        register = next((each for each in registers if each.address == asked.address), None)
        if register is None:
            places = ", ".join(f"0x{each.address:04X} ({each.name})" for each in registers)
            reason = f"register 0x{asked.address:04X} is the station's own; these can be set by hand: {places}"
            raise CommandRefused(reason)
        power_w = asked.value * register.scale
        limit(evse, register.direction, power_w)
        note = f"the operator sets {register.name} (register 0x{asked.address:04X}) to {power_w:g} W"
        return Done({}, note, (evse,), written=(evse, register.name, power_w))

    def _grid(
        self, asked: command.GridSet | command.GridGet | command.GridDefault, now: float, unix_s: int, by: str
    ) -> Done:
        evse = self._only(asked.evse)
        match asked:
            case command.GridGet(names=names):
                return Done(grid_settings.shown(evse, names))
            case command.GridSet():
                note = grid_settings.change(evse, asked, by, now, unix_s)
            case command.GridDefault(names=names):
                note = grid_settings.give_up(evse, names, by)
        return Done(grid_settings.shown(evse, grid_settings.named(asked)), note, (evse,))

    def _chosen(self, evse_id: int | None) -> list[Evse]:
        """This EVSE, or all. Raises `V2GError`."""
        if evse_id is None:
            return list(self.evses.values())
        if evse_id not in self.evses:
            raise V2GError(f"there is no EVSE {evse_id}, only {self._ids()}")
        return [self.evses[evse_id]]

    def _only(self, evse_id: int | None) -> Evse:
        """The EVSE that a command is for. Raises `V2GError` if none is named and there are several."""
        chosen = self._chosen(evse_id)
        if len(chosen) > 1:
            raise V2GError(f"there are the EVSEs {self._ids()}; say which with --evse")
        return chosen[0]

    def _ids(self) -> str:
        return ", ".join(map(str, self.evses))
