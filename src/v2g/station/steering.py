"""What the clients of the local API may ask of an EVSE. Raises `CommandRefused` for what the station could never do."""

from math import inf

from v2g.kernel.units import exact_kw, kwh
from v2g.station import command
from v2g.station.evse import Evse
from v2g.station.local import Held
from v2g.station.operator import CommandRefused


def steer(evse: Evse, asked: command.Local, now: float) -> str:
    """Take over what is asked; the text is for the trace. Raises `CommandRefused`."""
    local, by = evse.local, asked.by
    match asked:
        case command.SetPoint(power_w=power_w, for_s=for_s):
            _check_direction(evse, power_w)
            text = f"the set-point of {by}, {_power(power_w)}"
            local.hold("set_point", Held(text, now + for_s), setpoint_w=power_w, setpoint_by=by)
            return f"{by} asks: {_power(power_w)} for {for_s:g} s"
        case command.GridSetPoint():
            return _grid_set_point(evse, asked, now)
        case command.Limit():
            return _limit(evse, asked, now)
        case command.Mode():
            return _mode(evse, asked, now)
        case command.MinimumSoc(percent=percent):
            local.keep_charged(percent, by)
            return f"{by} asks: no discharge at or below {percent} %"
        case command.Depart():
            return _depart(evse, asked, now)
        case command.Phases():
            return _phases(evse, asked, now)
        case command.Authorise():
            if (grant := evse.settings.access.grant) != "asked":
                remedy = "set access.grant to asked for clients of the local API to let cars in"
                raise CommandRefused(f"who may use EVSE {evse.settings.id} is decided by `grant: {grant}`; {remedy}")
            local.let_in(by, now)
            return f"{by} lets the car in"
        case command.Release(part=part):
            if not local.release(part):
                raise CommandRefused(f"nobody has asked EVSE {evse.settings.id} for a {part.replace('_', '-')}")
            return f"{by} ends the {part.replace('_', '-')}"


def _grid_set_point(evse: Evse, asked: command.GridSetPoint, now: float) -> str:
    power_w, by, local = asked.power_w, asked.by, evse.local
    for each_w in (power_w, asked.then_w or 0.0):
        _check_direction(evse, each_w)
    renewed = (local.order.grid_setpoint_w, local.order.grid_setpoint_by) == (power_w, by)
    held = Held(f"the set-point of {by}, {_power(power_w)}", now + asked.for_s, then_w=asked.then_w)
    local.hold("grid_set_point", held, grid_setpoint_w=power_w, grid_setpoint_by=by)
    then = "" if asked.then_w is None else f", then {_power(asked.then_w)}"
    return "" if renewed else f"{by} asks: {_power(power_w)} for {asked.for_s:g} s{then}"


def _limit(evse: Evse, asked: command.Limit, now: float) -> str:
    given = [
        f"{verb} at most {text}"
        for verb, text in (
            ("charge", None if asked.charge_w is None else exact_kw(asked.charge_w)),
            ("charge", None if asked.charge_a is None else f"{asked.charge_a:g} A on each phase"),
            ("discharge", None if asked.discharge_w is None else exact_kw(asked.discharge_w)),
        )
        if text is not None
    ]
    if not given:
        raise CommandRefused("a limit needs charge_w, charge_a or discharge_w")
    evse.local.hold(
        "limit",
        Held(f"the limit of {asked.by}, {', '.join(given)}", now + asked.for_s),
        charge_w=inf if asked.charge_w is None else asked.charge_w,
        charge_a=inf if asked.charge_a is None else asked.charge_a,
        discharge_w=inf if asked.discharge_w is None else asked.discharge_w,
        limit_by=asked.by,
    )
    return f"{asked.by} asks: {', '.join(given)}, for {asked.for_s:g} s"


def _mode(evse: Evse, asked: command.Mode, now: float) -> str:
    mode, by = asked.mode, asked.by
    if mode == "auto":
        evse.local.release("mode")
        return f"{by} asks: as the station plans"
    if mode == "discharge":
        if asked.for_s is None:
            raise CommandRefused("discharge needs for_s, the seconds for which it holds")
        _check_direction(evse, -1.0)
    evse.local.hold("mode", _held(evse, f"the mode {mode} of {by}", asked.for_s, now), mode=mode, mode_by=by)
    return f"{by} asks: {mode}{_until(asked.for_s)}"


def _phases(evse: Evse, asked: command.Phases, now: float) -> str:
    if evse.switch is None:
        raise CommandRefused(f"EVSE {evse.settings.id} cannot switch phases; it has no phase_contactor")
    if asked.phases not in (1, 3):
        raise CommandRefused("phases is 1 or 3")
    count, by = "one phase" if asked.phases == 1 else "three phases", asked.by
    held = _held(evse, f"{count}, asked for by {by},", asked.for_s, now)
    evse.local.hold("phases", held, phases=asked.phases, phases_by=by)
    return f"{by} asks: {count}{_until(asked.for_s)}"


def _held(evse: Evse, text: str, for_s: float | None, now: float) -> Held:
    """For a time, or until the session ends. Raises `CommandRefused` if there is neither."""
    if for_s is not None:
        return Held(text, now + for_s)
    if not evse.served:
        raise CommandRefused(f"no car is in session at EVSE {evse.settings.id}; say for how many seconds with for_s")
    return Held(text, inf, evse.visit)


def _until(for_s: float | None) -> str:
    return f" for {for_s:g} s" if for_s else " until the session ends"


def _depart(evse: Evse, asked: command.Depart, now: float) -> str:
    if not evse.served:
        raise CommandRefused(f"no car is in session at EVSE {evse.settings.id}; a departure is that of a car")
    if (asked.energy_wh is None) == (asked.soc_percent is None):
        raise CommandRefused("say what the car needs by then, either energy_wh or soc_percent")
    if asked.soc_percent is not None and (evse.car.soc_percent is None or evse.car.energy_max_wh is None):
        raise CommandRefused("the car does not state its state of charge and what it can take; give energy_wh")
    report = evse.visit.report
    counted_wh = report.charged_wh - report.discharged_wh
    target_wh = None if asked.energy_wh is None else counted_wh + asked.energy_wh
    need = f"{asked.soc_percent} %" if asked.energy_wh is None else kwh(asked.energy_wh)
    text = f"the departure that {asked.by} stated"
    evse.local.depart(Held(text, now + asked.in_s, evse.visit), asked.by, target_wh, asked.soc_percent)
    return f"{asked.by} states: the car leaves in {asked.in_s / 60:.0f} min and needs {need}"


def _check_direction(evse: Evse, power_w: float) -> None:
    """Whether the station could ever let power flow this way. Raises `CommandRefused`."""
    if power_w < 0 and evse.mute:
        raise CommandRefused("the car does not talk, and cannot be asked to feed the grid")
    bound = evse.decision.lasting.of(power_w)
    if power_w and not bound.of(power_w) > 0:
        raise CommandRefused(f"EVSE {evse.settings.id} cannot do this: {bound}")


def _power(power_w: float) -> str:
    verb = "charging" if power_w > 0 else "discharging" if power_w < 0 else "no power"
    return f"{verb} {exact_kw(abs(power_w))}" if power_w else verb
