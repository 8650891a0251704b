"""What a run is made of, drawn from one integer: the same seed gives the same run."""

from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Literal

from msgspec import structs

from v2g.bench.mishaps.catalogue import CATALOGUE, FAMILIES
from v2g.bench.mishaps.speech import D2, D20, DIN_70121
from v2g.bench.sim.world import NOWHERE
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits
from v2g.station.config.settings import Access, Capability, EvseSettings, GridCodeSettings, Pilot, PlanStep, Plc
from v2g.station.timeouts import FOLLOWS_S
from v2g.thermal.settings import ThermalSettings

After = Literal["plug", "ready", "energy"]

COUNTS = (1, 4, 5, 3)
"""Weights of no mishap, one, two and three."""
RELATED, CLOSE = 0.4, 0.6
"""Shares of the further mishaps that are of the family of the one before, and that happen soon after it."""
LATEST_S = 5.0
"""After the plug: by then most cars are in the charge loop, or over it."""
ENERGY_S = (0.8, 2.5)
"""How long the first car transfers energy."""
NEXT_ENERGY_S = 0.4
NEGATIVE, LISTED = 0.5, 0.75
"""Shares of the DC cars of before ISO 15118-20 that ask for a negative current, and of those that are listed for it."""
DIGITAL_S = 2.0
"""How long a station waits for a car to talk that else may follow the duty cycle."""

_AT_ONCE: dict[str, float | bool | str] = {"enter_service.delay_s": 0.0, "enter_service.ramp_s": 0.0}
_SOON: dict[str, float | bool | str] = {"enter_service.delay_s": 10.0, "enter_service.ramp_s": 10.0}
_GRID_CODES = (
    *(GridCodeSettings(name=name, settings=_AT_ONCE) for name in ("ieee1547-cat1", "ieee1547-cat2", "ieee1547-cat3")),
    GridCodeSettings(name="en50549-1", settings=_SOON),
    GridCodeSettings(name="vde-4105", settings=_SOON),
    None,
)
_EDITIONS = {
    Service.AC: (D20, D2),
    Service.DC: (D20, D2, DIN_70121),
    Service.AC_BPT: (D20,),
    Service.DC_BPT: (D20,),
}
_FAST_HEAT = ThermalSettings(ramp_w_per_s=50_000.0)


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong."""

    kind: str
    """A name in `CATALOGUE`."""
    at_s: float
    after: After
    """Since the plug, since the contactor was first closed for energy (`ready`), or since energy may first flow."""
    lasts_s: float
    """Infinite: until the car has left."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run."""

    seed: int
    cable: Literal["bare", "pilot", "modems"]
    """What the station knows of the cable: nothing, the pilot, the pilot and the power line."""
    settings: EvseSettings
    intent: Intent
    soc: float
    mishaps: tuple[Mishap, ...]

    def __str__(self) -> str:
        code = "no grid code" if self.settings.grid_code is None else self.settings.grid_code.name
        steps = ", ".join(f"{step.power_w:+.0f} W" for step in self.settings.dispatch)
        limits = self.intent.limits
        bench = ", AC_BPT on the bench" if self.settings.bench_ac_bpt else ""
        if self.intent.negative_current:
            bench = ", negative current, " + (
                "listed" if self.settings.access.negative_current_unproved else "not listed"
            )
        return (
            f"{self.intent.editions[0]} {self.intent.service.name} {self.intent.mode.name.lower()}, {self.cable}, "
            f"{code}, plan {steps}, "
            f"car {limits.charge_w:.0f}/{limits.discharge_w:.0f} W, "
            f"{limits.charge_a:.0f}/{limits.discharge_a:.0f} A{bench}"
        )


def draw(seed: int, kinds: tuple[str, ...] = tuple(CATALOGUE)) -> Scenario:
    """The scenario of a seed. `kinds`: of mishaps, among which to draw."""
    random = Random(seed)  # noqa: S311 - a scenario, no secret
    service = random.choice((Service.AC, Service.DC, Service.AC_BPT, Service.DC_BPT))
    cable: Literal["bare", "pilot", "modems"] = random.choice(("bare", "pilot", "modems", "modems"))
    limits = Limits(
        charge_w=random.uniform(3_000, 15_000),
        discharge_w=random.uniform(3_000, 15_000),
        charge_a=random.uniform(8, 45),
        discharge_a=random.uniform(8, 45),
        voltage_min_v=300,
        voltage_max_v=460,
    )
    evse = _evse(random, service, cable)
    edition = random.choice(_EDITIONS[service])
    mode = random.choice(list(ControlMode)) if edition == D20 else ControlMode.SCHEDULED
    intent = Intent(
        "WMIV1234567890ABCDEX" if edition == D20 else "02:00:00:00:00:01",
        service,
        mode,
        limits,
        editions=(edition,),
        wish_w=random.uniform(-9_000, 9_000) if service.bidirectional else None,
        duration_s=random.uniform(*ENERGY_S),
    )
    mishaps = _mishaps(random, [name for name in kinds if CATALOGUE[name].concerns(evse)])
    needs_s = max((CATALOGUE[each.kind].needs_s for each in mishaps), default=0.0)
    if needs_s:  # what may be exceeded for some time is judged after it
        most_s = 1.0 if service.dc else FOLLOWS_S if intent.mode is ControlMode.DYNAMIC else inf
        intent = replace(intent, duration_s=min(needs_s, most_s) + random.uniform(1.0, 2.5))
    soc = random.uniform(0.3, 0.75)
    if service is Service.DC and edition != D20 and random.random() < NEGATIVE:
        intent = replace(intent, negative_current=True, wish_w=random.uniform(-9_000, -1_000))
        intent = replace(intent, duration_s=(intent.duration_s or 0.0) + random.uniform(0.0, 4.0))
        listed = (intent.evcc_id,) if random.random() < LISTED else ()
        access = structs.replace(evse.access, bench_discharge=False, negative_current_unproved=listed)
        evse = structs.replace(evse, access=access)
    return Scenario(seed, cable, evse, intent, soc, mishaps)


def _mishaps(random: Random, admitted: list[str]) -> tuple[Mishap, ...]:
    """None to three, often of one family and close to each other."""
    chosen: list[Mishap] = []
    for _ in range(random.choices(range(len(COUNTS)), COUNTS)[0]):
        names = [name for name in admitted if _fits(name, chosen)]
        if chosen and random.random() < RELATED:
            family = next(family for family in FAMILIES if chosen[-1].kind in family)
            names = [name for name in names if name in family]
        if names:
            (name,) = random.choices(names, [CATALOGUE[each].weight for each in names])
            chosen.append(_mishap(random, name, chosen[-1] if chosen else None))
    return tuple(chosen)


def _fits(name: str, chosen: list[Mishap]) -> bool:
    kind = CATALOGUE[name]
    others = [CATALOGUE[each.kind].shares for each in chosen]
    return (kind.repeats or all(name != each.kind for each in chosen)) and not (kind.shares and kind.shares in others)


def _mishap(random: Random, name: str, before: Mishap | None) -> Mishap:
    kind = CATALOGUE[name]
    passing_s = random.uniform(0.02, 2.0)
    lasts_s = passing_s if kind.passes else random.choice((inf, inf, passing_s))
    if kind.from_the_plug:
        return Mishap(name, 0.0, "plug", lasts_s)
    if before is not None and random.random() < CLOSE:
        later_s = random.choice((0.0, random.uniform(0.0, 0.1), random.uniform(0.0, 1.0)))
        return Mishap(name, before.at_s + later_s, before.after, lasts_s)
    after: After = random.choices(("plug", "ready", "energy"), (4, 1, 5))[0]
    latest_s = {"plug": LATEST_S, "ready": random.choice((0.0, 0.3)), "energy": ENERGY_S[0]}[after]
    return Mishap(name, random.uniform(0.0, latest_s), after, lasts_s)


def _evse(random: Random, service: Service, cable: str) -> EvseSettings:
    discharge = service.bidirectional or random.random() < 0.5
    code = random.choices(_GRID_CODES, (6, 6, 6, 1, 1, 0 if discharge else 2))[0]
    bench_ac_bpt = not service.dc and random.random() < 0.5
    fallback_a = random.uniform(6.0, 32.0) if not service.dc and cable == "pilot" else None
    steps = [random.uniform(-11_000, 11_000) for _ in range(random.choice((1, 2, 2, 3)))]
    own: tuple[Literal["DC_BPT", "DC", "AC_BPT", "AC"], ...] = ("DC_BPT", "DC") if service.dc else ("AC_BPT", "AC")
    pilot = Pilot(device=NOWHERE)
    if fallback_a is not None:
        pilot = Pilot(device=NOWHERE, fallback_a=fallback_a, digital_s=DIGITAL_S, retries=0)
    return EvseSettings(
        services=own,
        access=Access(grant="everyone", discharge=discharge, bench_discharge=discharge),
        capability=Capability(
            charge_w=random.uniform(4_000, 15_000),
            discharge_w=random.uniform(4_000, 15_000),
            charge_a=random.uniform(10, 40),
            discharge_a=random.uniform(10, 40),
        ),
        dispatch=(
            *(PlanStep(power_w=power_w, for_s=random.uniform(0.3, 1.0)) for power_w in steps[1:]),
            PlanStep(power_w=steps[0]),
        ),
        inverter=NOWHERE if service.dc else None,
        isolation=NOWHERE if service.dc else None,
        contactor=NOWHERE,
        meter=NOWHERE,
        grid=NOWHERE,
        grid_code=code,
        interface="nowhere",
        bench_ac_bpt=bench_ac_bpt,
        pilot=None if cable == "bare" else pilot,
        plc=Plc() if cable == "modems" else None,
        safety=None if cable == "bare" else NOWHERE,
        thermal=_FAST_HEAT if service.dc and cable != "bare" else None,
    )
