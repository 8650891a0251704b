"""Every kind of mishap: what makes it happen, what ends it, and by when the contactor must be open after it."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from random import Random

from v2g.bench.mishaps import hostile
from v2g.bench.mishaps.kind import (
    Concern,
    Kind,
    Limit,
    anywhere,
    dc_only,
    no_limit,
    nothing,
    with_code,
    with_heat,
    with_modems,
    with_pilot,
    within,
)
from v2g.bench.mishaps.rig import Arrivals, Rig, StationLimit, changed, contrary_contactor, frozen, frozen_contactor
from v2g.bench.sim.contactor import MECHANICAL_DELAY_S, Stuck
from v2g.bench.sim.pilot import Cable
from v2g.bench.sim.world import GRID_POLL_S, POLL_S, SOUND, STEP_S, Grid
from v2g.grid.element import Element, Quantity
from v2g.grid.protection import OPERATING_WINDOW_HZ
from v2g.pilot.timing import UNPLUG_S
from v2g.power.contactor import SILENT_OPEN_WITHIN_S
from v2g.power.inverter import InverterFault
from v2g.station.power_path import BREAK_S
from v2g.station.timeouts import FOLLOWS_S, RENEGOTIATES_S

TRIP_OPEN_S = SILENT_OPEN_WITHIN_S
"""From a fault to the open contactor: readings that grow stale (0.35 s), a turn of the charge loop (0.5 s), the
hardware's own watchdogs (0.4 s), each with what the orders and the mechanics take."""
PILOT_OPEN_S = UNPLUG_S
"""From the change of the control pilot to the open contactor."""
GRID_REACTION_S = 2 * GRID_POLL_S + BREAK_S + MECHANICAL_DELAY_S + 2 * STEP_S
"""From the end of a trip element's delay to the open contactor."""
REVOKED_OPEN_S = POLL_S + BREAK_S + MECHANICAL_DELAY_S + 2 * STEP_S
"""From the moment at which the authoriser changes its mind to the open contactor."""


def _flag(name: str, opens: Limit = no_limit, concerns: Concern = anywhere, shares: str = "") -> Kind:
    """A fault of the world that is there or not."""
    return Kind(
        lambda rig, random: setattr(rig.world.faults, name, True),
        lambda rig: setattr(rig.world.faults, name, False),
        opens,
        concerns,
        shares=shares,
    )


# The wire


Change = Callable[[Rig, Random, bool, int, bytes], Arrivals]


def _tamper(name: str, share: float, change: Change) -> Kind:
    """Some payloads are changed by `change`: each with probability `share`."""

    def strike(rig: Rig, random: Random) -> None:
        def tamper(to_station: bool, payload_type: int, payload: bytes) -> Arrivals:
            if random.random() >= share:
                return [(0.0, payload_type, payload)]
            return change(rig, random, to_station, payload_type, payload)

        rig.tampers[name] = tamper

    return Kind(strike, lambda rig: rig.forget(name))


def _late(rig: Rig, random: Random, to_station: bool, kind: int, payload: bytes) -> Arrivals:
    return [(random.choice((0.05, 0.2, 0.45, 1.0, 2.5)), kind, payload)]


def _cut_line(rig: Rig, random: Random) -> None:
    assert rig.cable.pair is not None
    rig.cable.pair.way.cut = rig.world.faults.cut = True


def _mend_line(rig: Rig) -> None:
    assert rig.cable.pair is not None
    rig.cable.pair.way.cut = rig.world.faults.cut = False


def _line_loss(rig: Rig, random: Random) -> None:
    assert rig.cable.pair is not None
    rig.cable.pair.line.loss = random.uniform(0.05, 0.6)


def _no_line_loss(rig: Rig) -> None:
    assert rig.cable.pair is not None
    rig.cable.pair.line.loss = 0.0


def _attenuate(rig: Rig, random: Random) -> None:
    assert rig.cable.pair is not None
    way = rig.cable.pair.way
    way.attenuation_db = [random.uniform(20, 90)] * len(way.attenuation_db)


def _attenuate_no_more(rig: Rig) -> None:
    assert rig.cable.pair is not None
    rig.cable.pair.way.attenuation_db = [8.0] * len(rig.cable.pair.way.attenuation_db)


# Devices


def _silent(
    device: str, concerns: Concern, limit_s: float | None = TRIP_OPEN_S, *, from_the_plug: bool = False
) -> Kind:
    return Kind(
        lambda rig, random: rig.world.faults.silent.add(device),
        lambda rig: rig.world.faults.silent.discard(device),
        lambda rig: limit_s,
        concerns,
        from_the_plug,
        no_energy=from_the_plug,
    )


def _deaf(device: str, concerns: Concern, limit_s: float | None) -> Kind:
    return Kind(
        lambda rig, random: rig.world.faults.deaf.add(device),
        lambda rig: rig.world.faults.deaf.discard(device),
        lambda rig: limit_s,
        concerns,
    )


def _frozen(device: str, concerns: Concern) -> Kind:
    name = f"frozen {device}"
    return Kind(
        lambda rig, random: rig.lies.__setitem__(name, frozen(device)),
        lambda rig: rig.forget(name),
        concerns=concerns,
    )


def _lie(device: str, quantity: str, factors: tuple[float, ...], concerns: Concern = dc_only) -> Kind:
    """A sensor that shows `quantity` times one of `factors`."""
    name = f"lying {device} {quantity}"

    def strike(rig: Rig, random: Random) -> None:
        factor = random.choice(factors)

        rig.lies[name] = changed(device, lambda reading: {quantity: getattr(reading, quantity) * factor})

    return Kind(strike, lambda rig: rig.forget(name), concerns=concerns)


def _frozen_contactor(rig: Rig, random: Random) -> None:
    rig.lies["frozen contactor"] = frozen_contactor()


def _contrary(rig: Rig, random: Random) -> None:
    rig.lies["contrary contactor"] = contrary_contactor()


def _weld(rig: Rig, random: Random) -> None:
    rig.world.contactor.stuck = Stuck.CLOSED
    rig.welded = True


def _stick_open(rig: Rig, random: Random) -> None:
    rig.world.contactor.stuck = Stuck.OPEN


def _fall_open(rig: Rig, random: Random) -> None:
    rig.world.contactor.stuck = Stuck.OPEN
    rig.world.contactor.closed = False


def _unstick(rig: Rig) -> None:
    rig.world.contactor.stuck = None


def _trip(rig: Rig, random: Random) -> None:
    rig.world.plant.trip(random.choice(list(InverterFault)))


def _overheat(rig: Rig, random: Random) -> None:
    rig.world.plant.temperature_c = random.uniform(76.0, 95.0)


def _cool(rig: Rig) -> None:
    rig.world.plant.temperature_c = 25.0


def _leak_to_earth(rig: Rig, random: Random) -> None:
    plant = rig.world.plant
    plant.settings = replace(plant.settings, isolation_ohm=random.uniform(100.0, 90_000.0))


def _insulate(rig: Rig) -> None:
    rig.world.plant.settings = replace(rig.world.plant.settings, isolation_ohm=1_000_000.0)


def _die(rig: Rig, random: Random) -> None:
    rig.world.stop_station()


def _come_up(rig: Rig) -> None:
    if rig.world.faults.down:
        rig.world.start_station()
        rig.apply_limits()


def _impossible(rig: Rig, random: Random) -> None:
    power_w = random.choice((1e9, -1e9, 3.4e38))
    rig.lies["meter shows the impossible"] = changed("meter", lambda reading: {"power_w": power_w})


# The station's limits, and its authoriser


def _falls(name: str, *, at_the_car: bool) -> Kind:
    def strike(rig: Rig, random: Random) -> None:
        charge_w, discharge_w = (random.choice((0.0, random.uniform(200.0, 9_000.0))) for _ in range(2))
        if not rig.world.faults.down:
            rig.limit(name, StationLimit(rig.world.now, charge_w, discharge_w, at_the_car=at_the_car))

    def lift(rig: Rig) -> None:
        if not at_the_car:  # what an operator set holds until it is set again
            rig.limit(name, None)

    return Kind(strike, lift, honest=True, needs_s=max(FOLLOWS_S, RENEGOTIATES_S))


def _revoke(rig: Rig, random: Random) -> None:
    rig.authorizer.revoked = True


def _grant(rig: Rig) -> None:
    rig.authorizer.revoked = False


# The grid


def _grid(*grids: Grid) -> Kind:
    def strike(rig: Rig, random: Random) -> None:
        rig.grid = random.choice(grids)

    return Kind(strike, _calm, _code_limit, with_code, shares="grid")


def _calm(rig: Rig) -> None:
    rig.grid = SOUND


def _code_limit(rig: Rig) -> float | None:
    """When the grid code has the station gone in this grid: the shortest delay of the elements that apply."""
    guard = rig.world.evse.guard
    if guard is None:
        return None
    voltages = [volts / rig.settings.nominal_voltage_v for volts in rig.grid.voltages_v]
    low_hz, high_hz = OPERATING_WINDOW_HZ
    measured = {
        Quantity.LOWEST_VOLTAGE: min(voltages),
        Quantity.HIGHEST_VOLTAGE: max(voltages),
        Quantity.MEAN_VOLTAGE: sum(voltages) / len(voltages),
        Quantity.FREQUENCY: rig.grid.frequency_hz,
    }
    elements = (
        *guard.code.trip,
        Element("operating window", Quantity.FREQUENCY, "under", low_hz, 0.1, 0.0),
        Element("operating window", Quantity.FREQUENCY, "over", high_hz, 0.1, 0.0),
    )
    if max(voltages) < guard.code.measurement.frequency_floor_pu:
        elements = tuple(each for each in elements if each.quantity is not Quantity.FREQUENCY)
    delays = [each.delay_s for each in elements if each.quantity in measured and each.beyond(measured[each.quantity])]
    return min(delays) + GRID_REACTION_S if delays else None


# The cable


def _pilot_cable(state: Cable) -> Kind:
    def strike(rig: Rig, random: Random) -> None:
        if rig.cable.plugged:
            rig.cable.pilot.cable = state

    def clear(rig: Rig) -> None:
        if rig.cable.plugged:
            rig.cable.pilot.cable = Cable.SOUND

    return Kind(strike, clear, within(PILOT_OPEN_S), with_pilot)


def _noise(rig: Rig, random: Random) -> None:
    amplitude_v = random.choice((0.3, 1.0, 3.0, 8.0))
    rig.cable.pilot.noise_v = lambda: random.gauss(0.0, amplitude_v)


def _quiet(rig: Rig) -> None:
    rig.cable.pilot.noise_v = lambda: 0.0


def _pull(rig: Rig, random: Random) -> None:
    rig.world.pull_out()


# The car


def _kill_car(rig: Rig, random: Random) -> None:
    if rig.world.evcc is not None:
        rig.world.unplug()


# The station's surroundings


def _safety(name: str) -> Kind:
    return Kind(
        lambda rig, random: setattr(rig.safety, name, True),
        lambda rig: setattr(rig.safety, name, False),
        within(TRIP_OPEN_S),
        with_pilot,
    )


def _break_sensors(rig: Rig, random: Random) -> None:
    names = ("contactor", "coolant", "ambient", "flow")
    rig.safety.broken_sensors = frozenset(random.sample(names, random.randint(1, 4)))


def _mend_sensors(rig: Rig) -> None:
    rig.safety.broken_sensors = frozenset()


def _heat_wave(rig: Rig, random: Random) -> None:
    rig.safety.heat.ambient_c = random.uniform(40.0, 90.0)


def _cool_air(rig: Rig) -> None:
    rig.safety.heat.ambient_c = 25.0


_WIRE: dict[str, Kind] = {
    "frames lost": _tamper("frames lost", 0.2, lambda rig, random, to_station, kind, payload: []),
    "frames late": _tamper("frames late", 0.2, _late),
    "frames doubled": _tamper(
        "frames doubled", 0.2, lambda rig, random, to_station, kind, payload: [(0.0, kind, payload)] * 2
    ),
    "bits flipped": _tamper(
        "bits flipped", 0.1, lambda rig, random, to_station, kind, payload: rig.flipped(to_station, kind, payload)
    ),
    "link cut": _flag("cut", shares="link"),
    "power line cut": Kind(_cut_line, _mend_line, concerns=with_modems, shares="link"),
    "power line lossy": Kind(_line_loss, _no_line_loss, concerns=with_modems),
    "power line attenuated": Kind(_attenuate, _attenuate_no_more, concerns=with_modems),
}
_DEVICES: dict[str, Kind] = {
    "contactor welded": Kind(_weld, nothing, shares="contacts"),
    "contactor stuck open": Kind(_stick_open, _unstick, shares="contacts"),
    "contactor falls open": Kind(_fall_open, _unstick, within(0.0), shares="contacts"),
    "contactor silent": _silent("contactor", anywhere),
    "contactor deaf": _deaf("contactor", anywhere, SILENT_OPEN_WITHIN_S),
    "contactor feedback contrary": Kind(_contrary, lambda rig: rig.forget("contrary contactor"), within(TRIP_OPEN_S)),
    "contactor feedback frozen": Kind(_frozen_contactor, lambda rig: rig.forget("frozen contactor")),
    "inverter silent": _silent("inverter", dc_only),
    "inverter deaf": _deaf("inverter", dc_only, None),
    "inverter trips": Kind(_trip, nothing, concerns=dc_only),
    "inverter hot": Kind(_overheat, _cool, concerns=dc_only),
    "inverter frozen": _frozen("inverter", dc_only),
    "inverter voltage wrong": _lie("inverter", "voltage_v", (0.0, 0.8, 0.95, 1.05, 1.3, -1.0)),
    "inverter current wrong": _lie("inverter", "current_a", (0.0, 0.5, 1.5, 5.0, -1.0)),
    "insulation bad": Kind(_leak_to_earth, _insulate, concerns=dc_only, from_the_plug=True, no_energy=True),
    "insulation monitor silent": _silent("isolation", dc_only, None, from_the_plug=True),
    "meter silent": _silent("meter", anywhere),
    "meter frozen": _frozen("meter", anywhere),
    "meter wrong": _lie("meter", "power_w", (0.0, 0.5, 2.0, -1.0), anywhere),
    "meter shows the impossible": Kind(_impossible, lambda rig: rig.forget("meter shows the impossible")),
    "commands lost": _flag("lost_commands", within(SILENT_OPEN_WITHIN_S)),
    "station restarted": Kind(_die, _come_up, within(SILENT_OPEN_WITHIN_S), passes=True, repeats=True),
}
_GRID: dict[str, Kind] = {
    "grid voltage": _grid(
        *(Grid(voltages_v=(volts, 230.0, 230.0)) for volts in (30.0, 90.0, 140.0, 195.0, 245.0, 258.0, 280.0)),
        *(Grid(voltages_v=(volts,) * 3) for volts in (30.0, 90.0, 140.0, 195.0, 245.0, 258.0, 280.0)),
    ),
    "grid dead": _grid(Grid(voltages_v=(0.0, 0.0, 0.0))),
    "grid frequency": _grid(*(Grid(frequency_hz=hertz) for hertz in (46.5, 47.2, 49.0, 50.6, 51.8, 54.0))),
    "grid phase jump": _grid(*(Grid(phase_jump_deg=degrees) for degrees in (-60.0, -20.0, 20.0, 60.0, 120.0))),
    "grid rocof": _grid(*(Grid(rocof_hz_per_s=rate) for rate in (-8.0, -2.0, 2.0, 8.0))),
    "grid sensor silent": replace(_silent("grid", with_code), shares="grid"),
    "grid sensor frozen": _flag("frozen", within(TRIP_OPEN_S), with_code, shares="grid"),
    "grid sensor without numbers": replace(
        _lie("grid", "frequency_hz", (float("nan"), inf, 0.0), with_code), opens=within(TRIP_OPEN_S), shares="grid"
    ),
}
_CABLE: dict[str, Kind] = {
    "pilot short": _pilot_cable(Cable.SHORTED),
    "pilot without diode": _pilot_cable(Cable.NO_DIODE),
    "pilot noisy": Kind(_noise, _quiet, concerns=with_pilot),
    "pilot silent": _silent("pilot", with_pilot),
    "pilot deaf": _deaf("pilot", with_pilot, None),
    "S2 opens": _flag("s2_open", within(PILOT_OPEN_S), with_pilot),
    "unplugged": Kind(_pull, nothing, within(PILOT_OPEN_S), with_pilot),
}
_CAR: dict[str, Kind] = {
    "car killed": Kind(_kill_car),
    **hostile.FAMILY,
}
_AROUND: dict[str, Kind] = {
    "emergency stop": _safety("emergency_stop"),
    "door open": _safety("door_open"),
    "residual current": _safety("residual_current"),
    "safety inputs silent": _silent("safety", with_pilot),
    "temperature sensors broken": Kind(_break_sensors, _mend_sensors, concerns=with_heat),
    "heat": Kind(_heat_wave, _cool_air, concerns=with_heat),
}
_STATION: dict[str, Kind] = {
    "site limit falls": _falls("site", at_the_car=False),
    "operator limit falls": _falls("operator", at_the_car=True),
    "authorisation revoked": Kind(_revoke, _grant, within(REVOKED_OPEN_S)),
}
FAMILIES: tuple[dict[str, Kind], ...] = (_WIRE, _DEVICES, _GRID, _CABLE, _CAR, _AROUND, _STATION)
"""Mishaps that tend to come together, by name."""
CATALOGUE: dict[str, Kind] = {name: kind for family in FAMILIES for name, kind in family.items()}
"""All of them, by name."""
