"""Averaging of what modems measure, and the signal that is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.slac.attenuation import Attenuation
from v2g.slac.event import SignalBack, SignalWeak
from v2g.slac.quality import MOST_SAMPLES, Quality


def test_mean_is_taken_for_each_group() -> None:
    found = Attenuation.mean_of([bytes((10, 20)), bytes((12, 21)), bytes((14, 25))])
    assert found.groups_db == (12.0, 22.0)
    assert (found.sounds, found.mean_db) == (3, 17.0)
    assert found.octets() == bytes((12, 22))


def test_what_the_own_receiver_takes_away_is_no_loss_of_the_cable() -> None:
    found = Attenuation.mean_of([bytes((10, 3))], reference_db=4.0)
    assert found.groups_db == (6.0, 0.0)
    assert found.octets() == bytes((6, 1))  # 0 would be taken for a defect


def test_profiles_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Attenuation.mean_of([bytes(2), bytes(1)])


@given(st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=10))
def test_mean_lies_between_the_measurements(profiles: list[bytes]) -> None:
    found = Attenuation.mean_of(profiles)
    for group, measured in zip(found.groups_db, zip(*profiles, strict=True), strict=True):
        assert min(measured) <= group <= max(measured)


def test_signal_is_what_is_left_of_the_standard_s_power() -> None:
    assert Attenuation((50.0,), 1).signal_dbm == -51.5


def test_weak_signal_is_told_once_until_it_is_back() -> None:
    quality = Quality(weakest_dbm=-60.0)
    assert quality.sample(0.0, 58.0) == []
    assert quality.sample(1.0, 59.0) == [SignalWeak(-60.5, -60.0)]
    assert quality.sample(2.0, 70.0) == []
    assert quality.sample(3.0, 57.0) == []  # better, but not by enough to be sure
    assert quality.sample(4.0, 55.0) == [SignalBack(-56.5)]
    assert [sample.attenuation_db for sample in quality.trend] == [58.0, 59.0, 70.0, 57.0, 55.0]


def test_trend_is_bounded() -> None:
    quality = Quality()
    for time_s in range(MOST_SAMPLES + 5):
        quality.sample(time_s, 10.0)
    assert len(quality.trend) == MOST_SAMPLES
    assert quality.trend[0].time_s == 5
