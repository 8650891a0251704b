"""How well a depot follows a regulation signal while vehicles leave: the mean of three seeds, beside an equal share."""

from collections.abc import Callable, Iterable
from statistics import fmean

from benchmarks.figure import Figure, Setting
from msgspec.structs import replace

from v2g.depot.simulate.regulation import Outcome, Scene, run
from v2g.depot.simulate.strategy import Ours, Strategy, equal_share

SEEDS = (0, 1, 2)
CASES = {
    "regulation": Scene(),
    "regulation_silent_loss": Scene(silent_s=10.0),
    "regulation_wrong_soc": Scene(soc_error_pu=0.02),
    "regulation_phases": Scene(phases=True, transformer_w=100e3),
    "regulation_transformers_80_percent": Scene(transformer_w=72e3),
}
RECOVERY_S = {"regulation_silent_loss": 6.0}


def measure(setting: Setting) -> list[Figure]:
    figures = []
    for name, scene in CASES.items():
        ours = _outcomes(scene, Ours)
        others = _outcomes(scene, equal_share) if name == "regulation" else []
        for what, unit, limit, of in (
            ("nrmse", "pu", 0.040, lambda each: each.nrmse),
            ("score", "pu", None, lambda each: each.score),
            ("recovery", "s", RECOVERY_S.get(name, 4.0), lambda each: each.recovery_s),
            ("dip", "pu", None, lambda each: each.dip),
            ("below_floor", "vehicle_s", 0.0, lambda each: each.floor_vehicle_s),
            ("overload", "wh", 0.0, lambda each: each.overload_wh),
            ("most_setpoints_changed", "pu", 0.2, lambda each: each.most_changed),
        ):
            value = _worst(ours, of) if what in ("recovery", "most_setpoints_changed") else _mean(ours, of)
            peers = {"equal share": _mean(others, of)} if others else {}
            figures.append(Figure(f"{name}_{what}", unit, value, peers, limit))
    return figures


def _outcomes(scene: Scene, strategy: Callable[[], Strategy]) -> list[Outcome]:
    return [run(replace(scene, seed=seed), strategy) for seed in SEEDS]


def _mean(outcomes: Iterable[Outcome], of: Callable[[Outcome], float]) -> float:
    return fmean(of(each) for each in outcomes)


def _worst(outcomes: Iterable[Outcome], of: Callable[[Outcome], float]) -> float:
    return max(of(each) for each in outcomes)
