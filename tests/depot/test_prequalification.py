"""The grid operator's test: what is ordered, and how what comes of it is judged, by curves made by hand."""

import asyncio
from collections.abc import Callable
from math import nan
from pathlib import Path

import pytest

from v2g.bench.depot.prequalify_report import table, write
from v2g.depot.prequalification import Product, Result, Sample, Trial, judge, trial_of
from v2g.depot.simulate.prequalification import simulated
from v2g.io.control import ControlError
from v2g.run.prequalification import live

CAPACITY_W = 100_000.0
FCR = trial_of(Product.FCR, CAPACITY_W, 20_000.0)
AFRR = trial_of(Product.AFRR, CAPACITY_W)


def figures(result: Result) -> dict[str, tuple[float, bool | None]]:
    return {each.name: (each.value, each.passed) for each in result.figures}


def missed(result: Result) -> list[str]:
    return [each.name for each in result.figures if each.passed is False]


def played(trial: Trial, power_w: Callable[[float], float]) -> list[Sample]:
    """A reading each second of a plant that gives `power_w`."""
    return [Sample(second, trial.signal_pu(second), power_w(second)) for second in range(int(trial.seconds))]


def delayed(trial: Trial, delay_s: float, share_pu: float = 1.0) -> Callable[[float], float]:
    """A plant that gives a share of each order, that much later."""
    return lambda time_s: trial.asked_w(share_pu * trial.signal_pu(time_s - delay_s))


def test_fcr_asks_for_all_of_it_in_both_directions_for_15_minutes_each() -> None:
    orders = [(each.from_s, each.signal_pu) for each in FCR.orders]
    assert orders == [(0, 0), (60, 1), (960, 0), (1080, -1), (1980, 0), (2070, 0)]
    assert (FCR.asked_w(1.0), FCR.asked_w(-1.0)) == (-80_000.0, 120_000.0)


def test_afrr_is_a_double_hump_in_one_direction() -> None:
    assert [(each.from_s, each.signal_pu) for each in AFRR.orders] == [
        (0, 0), (60, 1), (960, 0), (1260, 1), (2160, 0), (2520, 0),
    ]  # fmt: skip
    down = trial_of(Product.AFRR, CAPACITY_W, up=False, hold_s=600, pause_s=400)
    assert [(each.from_s, each.signal_pu) for each in down.orders][:4] == [(0, 0), (60, -1), (660, 0), (1060, -1)]


@pytest.mark.parametrize(("trial", "allowed_s"), [(FCR, 15), (AFRR, 30)])
def test_the_time_to_respond_is_the_one_of_the_product(trial: Trial, allowed_s: int) -> None:
    in_time = judge(trial, played(trial, delayed(trial, allowed_s)))
    assert in_time.passed
    assert in_time.qualified_w == CAPACITY_W
    late = judge(trial, played(trial, delayed(trial, allowed_s + 1)))
    text = "half of it is given" if trial is FCR else "the power moves"
    assert missed(late) == [
        f"order 1 (feed): until {text}",
        f"order 2 ({'draw' if trial is FCR else 'feed'}): until {text}",
    ]


def test_all_of_fcr_is_there_after_30_s() -> None:
    def ramp(time_s: float) -> float:
        """94 % until 31 s after the order."""
        signal_pu = FCR.signal_pu(time_s)
        return FCR.asked_w(signal_pu if FCR.signal_pu(time_s - 31) == signal_pu else 0.94 * signal_pu)

    assert {"order 1 (feed): until all of it is given", "order 2 (draw): until all of it is given"} <= set(
        missed(judge(FCR, played(FCR, ramp)))
    )


def test_what_is_not_held_is_not_proved() -> None:
    """One order in two is given by 90 %: that is what the depot has."""
    plant = delayed(FCR, 0.0)
    result = judge(FCR, played(FCR, lambda time_s: plant(time_s) - (12_000.0 * (FCR.signal_pu(time_s) < 0))))
    found = figures(result)
    assert found["order 1 (feed): available"] == (1.0, True)
    assert found["order 2 (draw): available"] == (0.0, False)
    rms, passed = found["order 2 (draw): accuracy, root mean square"]
    assert rms == pytest.approx(0.12)
    assert passed is False
    assert result.qualified_w == pytest.approx(88_000.0)
    assert found["order 2 (draw): energy after the time to respond"][0] == pytest.approx(88.0 * 870 / 3600)


def test_a_depot_that_stops_feeding_for_9_s_is_not_available() -> None:
    plant = delayed(FCR, 0.0)
    result = judge(FCR, played(FCR, lambda time_s: 20_000.0 if 500 <= time_s < 509 else plant(time_s)))
    assert missed(result) == ["order 1 (feed): available", "order 1 (feed): accuracy, root mean square"]
    assert figures(result)["order 1 (feed): largest deviation"][0] == pytest.approx(1.0)


def test_what_nobody_has_read_is_not_proved() -> None:
    plant = delayed(FCR, 0.0)
    silent = judge(FCR, played(FCR, lambda time_s: nan if 500 <= time_s < 510 else plant(time_s)))
    assert missed(silent) == ["order 1 (feed): available", "order 1 (feed): longest time without a reading"]
    nothing = judge(FCR, played(FCR, lambda time_s: nan))
    assert not nothing.passed
    assert nothing.qualified_w == 0.0
    assert judge(FCR, []).passed is False


def test_the_power_goes_back_and_stays_there() -> None:
    plant = delayed(FCR, 0.0)
    result = judge(FCR, played(FCR, lambda time_s: 0.0 if time_s == 1_000 else plant(time_s)))
    assert figures(result)["order 1 (feed): until the power is back"] == (41.0, False)
    assert missed(result) == ["order 1 (feed): until the power is back"]


def test_a_baseline_that_is_not_the_one_stated_fails() -> None:
    plant = delayed(FCR, 0.0)
    result = judge(FCR, played(FCR, lambda time_s: plant(time_s) + 6_000.0))
    off, passed = figures(result)["baseline off the one stated"]
    assert off == pytest.approx(0.06)
    assert passed is False


def test_the_controller_passes_in_virtual_time_and_a_depot_that_is_too_small_does_not() -> None:
    trial = trial_of(Product.FCR, CAPACITY_W, hold_s=90.0)
    seen: list[float] = []
    samples = simulated(trial, seen.append, chargers=15, leaving_per_h=0.0, seed=1)
    assert judge(trial, samples).passed
    assert seen == sorted(seen)
    small = judge(trial, simulated(trial, seen.append, chargers=6, leaving_per_h=0.0, seed=1))
    assert 0.0 < small.qualified_w <= 90_000.0
    assert "order 1 (feed): until all of it is given" in missed(small)


def test_the_report_states_what_was_ordered_and_shares_in_percent(tmp_path: Path) -> None:
    samples = played(FCR, delayed(FCR, 3.0, 0.97))
    result = judge(FCR, samples)
    assert "at least 99 %" in table(result)
    write(tmp_path / "report.html", result, samples, "a depot made by hand")
    page = (tmp_path / "report.html").read_text()
    assert "Offered: 100.0 kW around a baseline of +20.0 kW; feed 100.0 kW from 60 to 960 s, then draw" in page
    assert "<td>3 %</td><td>at most 5 %</td>" in page


def test_a_depot_that_does_not_run_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"no daemon listens at .*; start it"):
        asyncio.run(live(FCR, tmp_path / "depot.sock", lambda _: None))
