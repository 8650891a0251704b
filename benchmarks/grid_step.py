"""One step of protection and grid support beside OpenDER's (PyPI `opender`), and one whole decision of the station."""

from pathlib import Path
from statistics import quantiles
from time import perf_counter

from benchmarks.figure import Figure, Setting, Value
from msgspec.structs import replace as changed
from tests.grid import opender
from tests.station.scene import CAR, OUTLET, PROMPT

from v2g.bench.sim.plant_model import RATING
from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.protection import Protection
from v2g.grid.sample import GridSample
from v2g.grid.support import GridSupport
from v2g.iso15118.car import CarState
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Demand, Stage
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import InverterReading, InverterState
from v2g.power.meter import MeterReading
from v2g.station.config.settings import PlanStep
from v2g.station.power.decider import Decider
from v2g.station.power.situation import Situation
from v2g.station.power.sources import make
from v2g.station.readings import Readings
from v2g.station.safety.grid_guard import GridGuard
from v2g.station.safety.heat import INVERTER_ONLY, Heat

STEP_S = 0.1
#: Seconds, voltages in pu, frequency in Hz, power fed in pu: sound, droop, volt-var, a dip, a trip and the way back.
STRETCHES: list[tuple[float, list[float], float, float]] = [
    (60, [1.0, 1.0, 1.0], 60.0, 0.5),
    (60, [1.0, 1.0, 1.0], 60.4, 0.5),
    (60, [1.04, 1.05, 1.06], 60.0, 0.8),
    (10, [0.8, 1.0, 1.0], 60.0, 0.8),
    (60, [1.0, 1.0, 1.0], 60.0, -0.5),
    (1, [1.0, 1.0, 1.0], 62.5, 0.5),
    (60, [1.0, 1.0, 1.0], 60.0, 0.5),
]


def measure(setting: Setting) -> list[Figure]:
    """Median and 99th percentile over the steps of a few minutes, with the same functions enabled, us."""
    ours = _ours_s()
    theirs: list[float] | str
    try:
        theirs = _theirs_s(opender.install(Path(__file__).parents[1] / ".cache"))
    except opender.UnavailableError as reason:
        theirs = str(reason)
    decisions = _decisions_s()
    return [
        *(
            Figure(f"grid_step_p{percent}", "us", _us(ours, percent), {"opender": _us(theirs, percent)})
            for percent in (50, 99)
        ),
        Figure("protection_and_decision_p50", "us", _us(decisions, 50), limit=60.0),
        Figure("protection_and_decision_p99", "us", _us(decisions, 99)),
    ]


def _us(times_s: list[float] | str, percent: int) -> Value:
    return times_s if isinstance(times_s, str) else quantiles(times_s, n=100)[percent - 1] * 1e6


def _ours_s() -> list[float]:
    """Seconds for each step."""
    code = settings.load("ieee1547-cat3").with_settings({"reactive.mode": "volt_var", "volt_watt.enabled": True})
    protection = Protection(code, in_service=True)
    support = GridSupport(code, Rating(10_000, 10_000, 10_000, 4_400))
    times: list[float] = []
    for seconds, voltages_pu, frequency_hz, fed_pu in STRETCHES:
        for _ in range(round(seconds / STEP_S)):
            now = len(times) * STEP_S
            sample = GridSample(now, len(times), tuple(voltages_pu), frequency_hz, power_w=-10_000 * fed_pu)
            started = perf_counter()
            verdict = protection.step(sample, now)
            support.step(sample, -10_000 * fed_pu, STEP_S, verdict)
            times.append(perf_counter() - started)
    return times


def _decisions_s() -> list[float]:
    """Seconds for each step of protection, grid support, every bound and the limiter, in a bidirectional DC session."""
    grid_code = changed(PROMPT, settings={**PROMPT.settings, "reactive.mode": "volt_var", "volt_watt.enabled": True})
    evse = changed(OUTLET, nominal_hz=60.0, grid_code=grid_code, dispatch=(PlanStep(power_w=-6_000),))
    decider, guard = Decider(make(evse)), GridGuard(evse, grid_code)
    heat = Heat(INVERTER_ONLY, RATING.charge_power_max_w, RATING.discharge_power_max_w)
    demand = Demand(stage=Stage.ENERGY, service=Service.DC_BPT, mode=ControlMode.DYNAMIC)
    car = CarState(limits=CAR, soc_percent=60)
    times: list[float] = []
    for seconds, voltages_pu, frequency_hz, _ in STRETCHES:
        l1_v, l2_v, l3_v = (230 * voltage_pu for voltage_pu in voltages_pu)
        for _ in range(round(seconds / STEP_S)):
            now = (len(times) + 1) * STEP_S
            power_w = decider.decision.power_w
            inverter = InverterReading(
                now, InverterState.ON, frozenset(), 400.0, power_w / 400, power_w, power_w + 200, 0.0, 30.0
            )
            grid = GridReading(now, len(times), frequency_hz, (l1_v, l2_v, l3_v))
            meter = MeterReading(now, 0.0, 0.0, power_w, 0.0, grid.voltages_v, frequency_hz)
            readings = Readings(inverter=inverter, meter=meter, grid=grid)
            heat.step(readings, now)
            started = perf_counter()
            guard.step(readings, now)
            decider.decide(Situation(now, evse, demand, Service.DC_BPT, car, readings, RATING, guard, heat))
            times.append(perf_counter() - started)
    return times


def _theirs_s(peer: opender.OpenDER) -> list[float]:
    """Seconds for each step of OpenDER with the same functions enabled."""
    case = {
        "category": "CAT_III",
        "normal": "CAT_B",
        "dt_s": STEP_S,
        "settings": {"CONST_PF_MODE_ENABLE": False, "QV_MODE_ENABLE": True, "PV_MODE_ENABLE": True},
        "stretches": STRETCHES,
        "benchmark": True,
    }
    times: list[float] = peer.run([case])[0]
    return times
