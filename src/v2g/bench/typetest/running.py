"""Settings that change while the station runs: whose setting holds, for how long, what a restart keeps, and what an
unknown forbids. Without a session."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from v2g.bench.sim.world import NOWHERE
from v2g.bench.typetest.case import Inspection, Subject
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.standard import Value
from v2g.grid.adjustments import Adjustments, Party, lasting
from v2g.grid.settings import SettingsError
from v2g.iso15118.der import DerRating
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import InverterRating
from v2g.station.config.settings import Access, Capability, EvseSettings, GridCodeSettings
from v2g.station.event import OperatorAsked
from v2g.station.kept import KeptEvse
from v2g.station.readings import Readings
from v2g.station.safety.grid_guard import GridGuard, guard_of

_SOURCE = "this station: settings at run time (docs/grid-codes.md)"
_FED, _PERMITTED, _ON = "active_power_limit.fed_pu", "enter_service.permitted", "active_power_limit.enabled"
_NOTED_S = 60.0
"""How often what is left of a time is noted for another process."""
_UNIX_S = 1.7e9
_EVSE = Capability()


def cases(subject: Subject) -> Iterator[Inspection]:
    """Layers, times, restarts, settings that no longer fit, and what is lost."""
    judges: dict[str, Callable[[Subject], tuple[Finding, ...]]] = {
        "layers": _layers,
        "refused": _refusals,
        "for-a-time": _for_a_time,
        "restart": _restart,
        "permission-for-a-time": _permission,
        "no-longer-fitting": _unfitting,
        "lost": _lost,
        "sealed": _sealed,
        "reactive-power-by-command": _commanded,
        "inverter-of-a-car": _of_a_car,
    }
    for name, judge in judges.items():
        yield Inspection(f"settings/while-running/{name}", _SOURCE, partial(judge, subject), (_FED,))


def _same(what: str, found: object, wanted: object) -> Finding:
    return Finding(found == wanted, f"{what}: {wanted}", f"{found}")


def _fed(adjustments: Adjustments) -> Value:
    return adjustments.code.settings[_FED].value


def _layers(subject: Subject) -> tuple[Finding, ...]:
    """The back end's values hold over a Modbus client's, those over the operator's; each can be given up."""
    adjustments = Adjustments(subject.code)
    findings = list[Finding]()
    for party, value in ((Party.BACK_END, 0.3), (Party.OPERATOR, 0.5), (Party.SUNSPEC, 0.4)):
        adjustments.set(party, lasting({_FED: value}))
    adjustments.set(Party.OPERATOR, lasting({_ON: True}))
    findings.append(_same("of three parties", _fed(adjustments), 0.3))
    findings.append(_same("typed", adjustments.code.active_power_limit.fed_pu, 0.3))
    findings.append(_same("what is kept", sorted(adjustments.kept), ["operator", "sunspec"]))
    findings.append(_same("given up", adjustments.give_up(Party.BACK_END), (_FED,)))
    findings.append(_same("then", _fed(adjustments), 0.4))
    findings.append(_same("not the one that is named", adjustments.give_up(Party.SUNSPEC, (_ON,)), ()))
    findings.append(_same("still", _fed(adjustments), 0.4))
    adjustments.only(Party.SUNSPEC, {})
    findings.append(_same("then", _fed(adjustments), 0.5))
    findings.append(_same("the operator's", adjustments.code.settings[_ON].value, True))
    findings.append(_same("given up", adjustments.give_up(Party.OPERATOR, (_FED,)), (_FED,)))
    findings.append(_same("as configured", _fed(adjustments), subject.code.settings[_FED].value))
    findings.append(_same("the other one", adjustments.code.settings[_ON].value, True))
    before = adjustments.layers
    adjustments.set(Party.BACK_END, lasting({_FED: 0.2}))
    adjustments.adopt(before)
    findings.append(_same("as they were", _fed(adjustments), subject.code.settings[_FED].value))
    return tuple(findings)


def _refused(change: Callable[[], object]) -> bool:
    try:
        change()
    except SettingsError:
        return True
    return False


def _refusals(subject: Subject) -> tuple[Finding, ...]:
    """What is out of range or unknown changes nothing."""
    adjustments = Adjustments(subject.code)
    adjustments.set(Party.OPERATOR, lasting({_FED: 0.5}))
    wrong: dict[str, Mapping[str, Value]] = {"out of range": {_FED: 1.5}, "unknown": {"volt_var.no_such": 1.0}}
    findings = [
        Finding(_refused(partial(adjustments.set, Party.SUNSPEC, lasting(changes))), f"refuses what is {name}", name)
        for name, changes in wrong.items()
    ]
    unknown = _refused(partial(adjustments.give_up, Party.OPERATOR, ("no.such",)))
    findings.append(Finding(unknown, "refuses to give up an unknown setting", "unknown"))
    asked = _refused(partial(adjustments.check, {_FED: 0.7}, Party.OPERATOR)), _refused(
        partial(adjustments.check, {_FED: 1.5}, Party.OPERATOR)
    )  # fmt: skip
    findings.append(_same("asked whether it may be set", asked, (False, True)))
    findings.append(_same("after that", (_fed(adjustments), sorted(adjustments.layers)), (0.5, ["operator"])))
    return tuple(findings)


def _for_a_time(subject: Subject) -> tuple[Finding, ...]:
    """Back at its time by the monotonic clock, whatever the wall clock says; a later one has its own time."""
    adjustments = Adjustments(subject.code)
    adjustments.set(Party.OPERATOR, lasting({_FED: 0.5}, for_s=100.0))
    begun = adjustments.expire(10.0, _UNIX_S)
    early = adjustments.expire(109.9, _UNIX_S + 1e6), _fed(adjustments)
    adjustments.set(Party.SUNSPEC, lasting({_ON: True}, for_s=50.0))
    other = adjustments.expire(109.95, _UNIX_S + 1e6), _fed(adjustments)
    late = adjustments.expire(110.1, _UNIX_S), _fed(adjustments)
    last = adjustments.expire(159.9, _UNIX_S), adjustments.code.settings[_ON].value
    over = adjustments.expire(160.1, _UNIX_S), adjustments.code.settings[_ON].value
    normal = subject.code.settings
    return (
        _same("at the beginning", begun, ()),
        _same("just before its time", early, ((), 0.5)),
        _same("another one is set", other, ((), 0.5)),
        _same("at its time", late, ((_FED,), normal[_FED].value)),
        _same("the other one before its time", last, ((), True)),
        _same("and at it", over, ((_ON,), normal[_ON].value)),
        _same("nothing was dropped", adjustments.dropped, []),
        _same("one that is set while another runs", _meanwhile(subject), ((), (_ON,))),
        _same("with another value for the time after", _afterwards(subject), [0.5, 0.8, 0.8]),
    )


def _afterwards(subject: Subject) -> list[Value]:
    """What holds before, at and long after the end of a setting that has another one for the time after it."""
    adjustments, values = Adjustments(subject.code), list[Value]()
    adjustments.set(Party.OPERATOR, lasting({_FED: 0.5}, "somebody", 100.0, {_FED: 0.8}))
    for now in (0.0, 100.1, 1e6):
        adjustments.expire(now, _UNIX_S)
        values.append(_fed(adjustments))
    return values


def _meanwhile(subject: Subject) -> tuple[tuple[str, ...], ...]:
    """What goes back just before and at the time of a setting whose time begins while that of another one runs."""
    adjustments = Adjustments(subject.code)
    adjustments.set(Party.OPERATOR, lasting({_FED: 0.5}, for_s=1_000.0))
    adjustments.expire(0.0, _UNIX_S)
    adjustments.set(Party.OPERATOR, lasting({_ON: True}, for_s=5.0))
    adjustments.expire(1.0, _UNIX_S)
    return adjustments.expire(5.9, _UNIX_S), adjustments.expire(6.1, _UNIX_S)


def _restart(subject: Subject) -> tuple[Finding, ...]:
    """What was left when it was last noted is left after a restart; what has no end stays."""
    adjustments = Adjustments(subject.code)
    adjustments.set(Party.OPERATOR, {**lasting({_FED: 0.5}, for_s=600.0), **lasting({_ON: True})})
    for now in (0.0, _NOTED_S - 1, 2 * _NOTED_S - 2, 3 * _NOTED_S - 3):  # noted at 0, 118
        adjustments.expire(now, _UNIX_S + now)
    again = Adjustments(subject.code, adjustments.kept)
    findings = [_same("right after the restart", (_fed(again), again.dropped), (0.5, []))]
    again.expire(5_000.0, _UNIX_S + 9_000.0)
    left_s = 600.0 - (2 * _NOTED_S - 2)
    again.expire(5_000.0 + left_s - 0.1, 0.0)
    findings.append(_same(f"for {left_s:g} s more", _fed(again), 0.5))
    again.expire(5_000.0 + left_s + 0.1, 0.0)
    findings.append(_same("then", _fed(again), subject.code.settings[_FED].value))
    again.expire(1e9, 0.0)
    findings.append(_same("without an end", again.code.settings[_ON].value, True))
    return tuple(findings)


def _permission(subject: Subject) -> tuple[Finding, ...]:
    """A permission for a time ends a minute early after a restart, and by the wall clock if that is sooner; a withdrawn
    one never sooner than its time."""
    findings = list[Finding]()
    for permitted, away_s, expected_s in ((True, 0.0, 540.0), (True, 300.0, 300.0), (False, 300.0, 600.0)):
        configured = subject.code.with_settings({_PERMITTED: not permitted})
        adjustments = Adjustments(configured)
        adjustments.set(Party.OPERATOR, lasting({_PERMITTED: permitted}, for_s=600.0))
        adjustments.begin(0.0, _UNIX_S)
        again = Adjustments(configured, adjustments.kept)
        again.expire(1_000.0, _UNIX_S + away_s)
        again.expire(1_000.0 + expected_s - 0.1, _UNIX_S)
        held = again.code.enter_service.permitted
        again.expire(1_000.0 + expected_s + 0.1, _UNIX_S)
        what = f"{'given' if permitted else 'withdrawn'}, {away_s:g} s without a process"
        findings.append(_same(what, (held, again.code.enter_service.permitted), (permitted, not permitted)))
    first = Adjustments(subject.code.with_settings({_PERMITTED: False}))
    first.set(Party.OPERATOR, lasting({_PERMITTED: True}, for_s=600.0))
    first.begin(0.0, _UNIX_S)
    first.expire(599.9, _UNIX_S + 1e5)
    findings.append(_same("without a restart for all of its time", first.code.enter_service.permitted, True))
    return tuple(findings)


def _unfitting(subject: Subject) -> tuple[Finding, ...]:
    """What contradicts the rest once another setting has gone back goes back too, and nothing else does."""
    figures = subject.figures.figures
    first, second = "volt_watt.v1_pu", "volt_watt.v2_pu"
    usual = subject.figures.number(first)
    low, between = figures[first].low, max(figures[second].low, figures[first].low + 0.001)
    if not low < between <= usual:
        return (Finding(True, "no two settings whose ranges cross", "none"),)
    adjustments = Adjustments(subject.defaults)
    adjustments.set(Party.OPERATOR, lasting({first: low}, for_s=50.0))
    adjustments.set(Party.SUNSPEC, lasting({second: between, _FED: 0.5}))
    adjustments.begin(0.0, _UNIX_S)
    gone = adjustments.expire(50.1, _UNIX_S)
    values = tuple(adjustments.code.settings[name].value for name in (first, second, _FED))
    guard, _ = guarded(subject, KeptEvse())
    guard.adjust({first: low}, for_s=50.0)
    guard.adjust({second: between}, Party.SUNSPEC)
    reports = [
        sum(isinstance(event, OperatorAsked) for event in guard.look(Readings(), now, _UNIX_S))
        for now in (0.0, 49.9, 50.1, 60.0)
    ]
    return (
        _same("reported", reports, [0, 0, 2, 0]),
        _same("went back", gone, (first,)),
        _same("dropped", [each.partition(" ")[0] for each in adjustments.dropped], [second]),
        _same("then", values, (usual, subject.figures.number(second), 0.5)),
        _same("the rest", {name for layer in adjustments.layers.values() for name in layer}, {_FED}),
    )


# What runs the grid code of an EVSE


def guarded(
    subject: Subject, kept: KeptEvse, adjustable_by: tuple[Party, ...] = tuple(Party),
    capability: Capability = _EVSE,
) -> tuple[GridGuard, int]:  # fmt: skip
    """The guard, and how many reports it begins with."""
    evse = evse_of(subject, adjustable_by, capability)
    assert evse.grid_code is not None
    guard, events = guard_of(evse, evse.grid_code, kept)
    return guard, len(events)


def evse_of(
    subject: Subject, adjustable_by: tuple[Party, ...] = tuple(Party), capability: Capability = _EVSE
) -> EvseSettings:
    """The settings of an EVSE under the code."""
    code = GridCodeSettings(
        name=subject.name, category=subject.category, phases=subject.phases, settings=dict(subject.settings),
        adjustable_by=tuple(each.value for each in adjustable_by),
    )  # fmt: skip
    return EvseSettings(
        services=("DC_BPT",), access=Access(grant="everyone"), nominal_hz=subject.standard.nominal_hz, grid_code=code,
        capability=capability, inverter=NOWHERE, contactor=NOWHERE, meter=NOWHERE, grid=NOWHERE,
    )  # fmt: skip


def _lost(subject: Subject) -> tuple[Finding, ...]:
    """If it is not known what was set, nothing is fed until the permission is given again, or all is given up."""
    kept = KeptEvse(grid_lost="the file is damaged")
    guard, _ = guarded(subject, kept)
    findings = [_same("lost", guard.refusal and guard.refusal.discharge_w, 0.0)]
    guard.adjust({_FED: 0.5})
    findings.append(_same("another setting", guard.refusal is not None, True))
    guard.adjust({_PERMITTED: True}, Party.BACK_END, for_s=50.0)
    findings.append(_same("the back end's permission for a time", guard.refusal is not None, True))
    guard.adjust({_PERMITTED: True}, for_s=100.0)
    findings.append(_same("permitted for a time", guard.refusal is not None, False))
    guard.expire(0.0, _UNIX_S)
    guard.expire(100.1, _UNIX_S)
    findings.append(_same("that is over", guard.refusal is not None, True))
    guard.give_up(Party.OPERATOR, (_FED,))
    findings.append(_same("one setting given up", guard.refusal is not None, True))
    guard.give_up(Party.BACK_END)
    findings.append(_same("what the back end set given up", guard.refusal is not None, True))
    guard.give_up(Party.OPERATOR)
    findings.append(_same("everything given up", guard.refusal is not None, False))
    guard, _ = guarded(subject, kept)
    guard.adjust({_PERMITTED: True})
    findings.append(_same("permitted", guard.refusal is not None, False))
    guard.give_up(Party.OPERATOR, (_PERMITTED,))
    findings.append(_same("known from then on", guard.refusal is not None, False))
    guard, _ = guarded(subject, kept, (Party.BACK_END,))
    findings.append(_same("nobody here may have set it", guard.refusal is not None, False))
    guard, _ = guarded(subject, KeptEvse())
    findings.append(_same("nothing lost", guard.refusal is not None, False))
    guard.adjust({"islanding.probe_enabled": False})
    findings.append(_same("without the islanding probe", guard.refusal and guard.refusal.discharge_w, 0.0))
    return tuple(findings)


def _sealed(subject: Subject) -> tuple[Finding, ...]:
    """What a party set that may no longer set anything is dropped and reported, and so is what does not fit."""
    kept = KeptEvse(grid_settings={Party.OPERATOR: lasting({_FED: 0.5}), Party.SUNSPEC: lasting({_ON: True})})
    guard, reports = guarded(subject, kept, (Party.SUNSPEC,))
    usual = subject.code.settings[_FED].value
    findings = [_same("sealed", (guard.code.settings[_FED].value, guard.code.settings[_ON].value), (usual, True))]
    findings.append(_same("reported", reports, 1))
    _, reports = guarded(subject, KeptEvse(grid_settings={Party.OPERATOR: lasting({"no.such": 1.0})}))
    findings.append(_same("reported what does not fit", reports, 1))
    _, reports = guarded(subject, kept)
    findings.append(_same("nothing to report", reports, 0))
    return tuple(findings)


def _commanded(subject: Subject) -> tuple[Finding, ...]:
    """Reactive power by command is held to what the grid code admits of it, for the inverter's apparent power."""
    guard, _ = guarded(subject, KeptEvse())
    rating: InverterRating = subject.rating
    figure = subject.figures.figures["constant_var.injected_pu"]
    most_var = figure.high * rating.charge_power_max_w
    guard.begin(rating, 0.0)
    inside, beyond = (
        partial(guard.check_var, 0.99 * most_var, rating),
        partial(guard.check_var, 1.02 * most_var, rating),
    )
    return (
        _same("refuses what is inside", _refused(inside), False),
        _same("refuses what is beyond", _refused(beyond), True),
        _same("held to", [round(guard.admitted_var(var)) for var in (-1e6, 100.0, 1e6)],
              [round(figure.low * rating.charge_power_max_w), 100, round(most_var)]),
    )  # fmt: skip


def _of_a_car(subject: Subject) -> tuple[Finding, ...]:
    """Support is held to what car and station can do together: power in each direction, and reactive power. How late
    the car follows is another matter, and stands not against feeding here."""
    guard, _ = guarded(subject, KeptEvse())
    figures, nominal_hz = subject.figures.figures, subject.standard.nominal_hz
    table = "enter_service"
    guard.adjust(
        {f"{table}.delay_s": figures[f"{table}.delay_s"].low, f"{table}.ramp_s": figures[f"{table}.ramp_s"].low}
    )
    rating = DerRating(charge_w=7_000.0, discharge_w=5_000.0, reactive_max_var=1_000.0)
    guard.step(_sound(0.0, nominal_hz), 0.0)
    guard.begin(rating, 0.0)
    fed, now = guard.support(-20_000.0, 0.0, 2_000.0), 0.0
    while now < figures[f"{table}.delay_s"].low + figures[f"{table}.ramp_s"].low + 60.0:
        now = round(now + 0.2, 6)
        guard.step(_sound(now, nominal_hz), now)
        fed = guard.support(-20_000.0, now, 2_000.0)
    ends_s, drawn = now + 30.0, fed
    while now < ends_s:
        now = round(now + 0.2, 6)
        guard.step(_sound(now, nominal_hz), now)
        drawn = guard.support(20_000.0, now, None)
    held = abs(-fed.reactive_var - 1_000.0) < 1.0
    return (
        _same("fed at most", round(-fed.power_w), 5_000),
        _same("drawn at most", round(drawn.power_w, -1), 7_000),
        Finding(held, "1000 var of the 2000 that are commanded", f"{-fed.reactive_var:.0f} var"),
        _same("whose delay is not known", guard.delay_known, False),
        _same("nothing else against feeding", guard.refusal, None),
    )


def _sound(now: float, nominal_hz: float) -> Readings:
    return Readings(grid=GridReading(now, round(now * 10), nominal_hz, (230.0, 230.0, 230.0)))
