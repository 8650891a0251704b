"""What a run is made of, drawn from one integer: the same seed gives the same run."""

from dataclasses import dataclass
from math import inf
from random import Random
from typing import Literal

from v2g.bench.mishaps.catalogue import CATALOGUE
from v2g.bench.sim.world import NOWHERE
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits
from v2g.station.config.settings import Access, Capability, EvseSettings, GridCodeSettings, Pilot, PlanStep, Plc
from v2g.thermal.settings import ThermalSettings

MOST_MISHAPS = 3
LATEST_S = 5.0
"""After the plug: by then most cars are in the charge loop, or over it."""
ENERGY_S = (0.8, 2.5)
"""How long the first car transfers energy."""
NEXT_ENERGY_S = 0.4

_AT_ONCE: dict[str, float | bool | str] = {"enter_service.delay_s": 0.0, "enter_service.ramp_s": 0.0}
_SOON: dict[str, float | bool | str] = {"enter_service.delay_s": 10.0, "enter_service.ramp_s": 10.0}
_GRID_CODES = (
    *(GridCodeSettings(name=name, settings=_AT_ONCE) for name in ("ieee1547-cat1", "ieee1547-cat2", "ieee1547-cat3")),
    GridCodeSettings(name="en50549-1", settings=_SOON),
    GridCodeSettings(name="vde-4105", settings=_SOON),
    None,
)
_FAST_HEAT = ThermalSettings(ramp_w_per_s=50_000.0)


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong."""

    kind: str
    """A name in `CATALOGUE`."""
    at_s: float
    """After the plug, or after the first energy."""
    in_loop: bool
    """Which of the two."""
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
        return (
            f"{self.intent.service.name} {self.intent.mode.name.lower()}, {self.cable}, {code}, plan {steps}, "
            f"car {limits.charge_w:.0f}/{limits.discharge_w:.0f} W, {limits.charge_a:.0f}/{limits.discharge_a:.0f} A"
        )


def draw(seed: int, kinds: tuple[str, ...] = tuple(CATALOGUE)) -> Scenario:
    """The scenario of a seed. `kinds`: of mishaps, among which to draw."""
    random = Random(seed)  # noqa: S311 - a scenario, no secret
    service = random.choice(list(Service))
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
    intent = Intent(
        "WMIV1234567890ABCDEX",
        service,
        random.choice(list(ControlMode)),
        limits,
        wish_w=random.uniform(-9_000, 9_000) if service.bidirectional else None,
        duration_s=random.uniform(*ENERGY_S),
    )
    admitted = [name for name in kinds if CATALOGUE[name].concerns(evse)]
    count = random.choices(range(MOST_MISHAPS + 1), (1, 6, 4, 2))[0] if admitted else 0
    chosen: list[str] = []
    for name in random.sample(admitted, count):
        if not CATALOGUE[name].shares or all(CATALOGUE[name].shares != CATALOGUE[each].shares for each in chosen):
            chosen.append(name)
    mishaps = [_mishap(random, name) for name in chosen]
    return Scenario(seed, cable, evse, intent, random.uniform(0.3, 0.75), tuple(mishaps))


def _mishap(random: Random, name: str) -> Mishap:
    in_loop = random.random() < 0.6 and not CATALOGUE[name].from_the_plug
    at_s = 0.0 if CATALOGUE[name].from_the_plug else random.uniform(0.0, ENERGY_S[0] if in_loop else LATEST_S)
    passing_s = random.uniform(0.02, 2.0)
    lasts_s = passing_s if CATALOGUE[name].passes else random.choice((inf, inf, passing_s))
    return Mishap(name, at_s, in_loop, lasts_s)


def _evse(random: Random, service: Service, cable: str) -> EvseSettings:
    discharge = service.bidirectional or random.random() < 0.5
    code = random.choices(_GRID_CODES, (6, 6, 6, 1, 1, 0 if discharge else 2))[0]
    steps = [random.uniform(-11_000, 11_000) for _ in range(random.choice((1, 2, 2, 3)))]
    own: tuple[Literal["DC_BPT", "DC", "AC_BPT", "AC"], ...] = ("DC_BPT", "DC") if service.dc else ("AC_BPT", "AC")
    return EvseSettings(
        services=own,
        access=Access(grant="everyone", discharge=discharge),
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
        pilot=None if cable == "bare" else Pilot(device=NOWHERE),
        plc=Plc() if cable == "modems" else None,
        safety=None if cable == "bare" else NOWHERE,
        thermal=_FAST_HEAT if service.dc and cable != "bare" else None,
    )
