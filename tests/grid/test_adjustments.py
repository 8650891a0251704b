"""Settings at run time: whose holds, until when, and what is left when one goes back."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.grid import settings
from v2g.grid.adjustments import PERMISSION, Adjustments, Layer, Party, differences, lasting
from v2g.grid.settings import SettingsError

CODE = settings.load("ieee1547-cat3")
NAME = "trip.ov1.delay_s"
UNIX_S = 1.7e9


def test_a_change_holds_until_its_time() -> None:
    running = Adjustments(CODE)
    running.set(Party.OPERATOR, lasting({NAME: 5.0}, "user 0", 100.0))
    assert running.code.settings[NAME].value == 5.0
    assert running.expire(7.0, UNIX_S) == ()
    assert running.expire(106.9, UNIX_S + 1e9) == (), "somebody sets the clock forward"
    assert running.expire(107.0, UNIX_S - 1e9) == (NAME,), "and back"
    assert running.code.settings == CODE.settings
    assert not running.kept


@pytest.mark.parametrize("clock_s", [1_000.0, 1_600.0, 1e9, -1e9])
@pytest.mark.parametrize(("ran_s", "left_s"), [(1_000.0, 2_640.0), (30.0, 3_600.0)])
def test_over_a_restart_a_withdrawn_permission_returns_too_late_rather_than_too_early(
    ran_s: float, left_s: float, clock_s: float
) -> None:
    """Whatever the wall clock says afterwards: nobody knows how long there was no process."""
    before = Adjustments(CODE)
    before.set(Party.OPERATOR, lasting({PERMISSION: False}, for_s=3_600.0))
    for now in range(0, round(ran_s) + 1, 10):
        before.expire(float(now), UNIX_S + now)
    after = Adjustments(CODE, before.kept)
    assert after.expire(5.0, UNIX_S + clock_s) == ()
    assert after.expire(5.0 + left_s - 0.1, UNIX_S) == ()
    assert not after.code.enter_service.permitted
    assert after.expire(5.0 + left_s, UNIX_S) == (PERMISSION,)


def test_a_permission_for_a_time_does_not_last_longer_over_a_restart() -> None:
    withdrawn = CODE.with_settings({PERMISSION: False})
    before = Adjustments(withdrawn)
    before.set(Party.OPERATOR, lasting({PERMISSION: True}, for_s=3_600.0))
    before.expire(0.0, UNIX_S)
    for clock_s, left_s in ((3_000.0, 600.0), (-1e6, 3_540.0), (1e9, 0.0)):
        after = Adjustments(withdrawn, before.kept)
        assert after.expire(5.0, UNIX_S + clock_s) == (() if left_s else (PERMISSION,))
        after.expire(5.0 + left_s, UNIX_S)
        assert not after.code.enter_service.permitted


@pytest.mark.parametrize("permitted", [False, True])
def test_many_restarts_make_nothing_last_for_ever(permitted: bool) -> None:
    code = CODE.with_settings({PERMISSION: not permitted})
    kept: Mapping[Party, Layer] = {Party.OPERATOR: lasting({PERMISSION: permitted}, for_s=600.0)}
    for _ in range(20):
        running = Adjustments(code, kept)
        for now in range(0, 61 if not permitted else 11, 10):
            running.expire(float(now), UNIX_S)
        kept = running.kept
    assert not kept


def test_the_back_end_holds_over_modbus_and_that_over_the_operator() -> None:
    running = Adjustments(CODE)
    running.set(Party.BACK_END, lasting({NAME: 3.0}))
    running.set(Party.SUNSPEC, lasting({NAME: 4.0}))
    running.set(Party.OPERATOR, lasting({NAME: 5.0, "trip.uv1.delay_s": 25.0}))
    for party, value in ((Party.BACK_END, 3.0), (Party.SUNSPEC, 4.0), (Party.OPERATOR, 5.0)):
        assert running.code.settings[NAME].value == value
        assert set(running.give_up(party)) >= {NAME}
    assert running.code.settings == CODE.settings


def test_what_a_party_sets_alone_takes_the_place_of_what_it_had_set() -> None:
    running = Adjustments(CODE)
    running.set(Party.OPERATOR, lasting({"trip.uv1.delay_s": 25.0}))
    running.only(Party.BACK_END, lasting({NAME: 3.0}))
    running.only(Party.BACK_END, lasting({"trip.ov1.threshold_pu": 1.15}))
    assert differences(CODE, running.code) == {"trip.uv1.delay_s": 25.0, "trip.ov1.threshold_pu": 1.15}
    assert set(running.kept) == {Party.OPERATOR}, "the back end keeps its own"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({NAME: 14.0}, "out of range: 1 to 13"),
        ({"trip.ov9.delay_s": 1.0}, "there is no such setting"),
        ({"reactive.mode": "volt_car"}, "is none of"),
        ({"volt_var.v1_pu": 0.975, "volt_var.v2_pu": 0.98}, "must be 0.02 pu at least"),
    ],
)
def test_what_is_refused_changes_nothing(changes: dict[str, settings.Value], text: str) -> None:
    running = Adjustments(CODE)
    running.set(Party.OPERATOR, lasting({NAME: 5.0}))
    for act in (running.set, running.only):
        with pytest.raises(SettingsError, match=text):
            act(Party.OPERATOR, lasting(changes))
    with pytest.raises(SettingsError, match="no such setting"):
        running.give_up(Party.OPERATOR, ["trip.ov9.delay_s"])
    assert differences(CODE, running.code) == {NAME: 5.0}


def test_what_contradicts_the_rest_goes_back_and_takes_nothing_with_it() -> None:
    running = Adjustments(CODE.with_settings({"enter_service.ramp_s": 100.0}))
    running.set(Party.OPERATOR, lasting({"enter_service.permitted": False}))
    running.set(Party.OPERATOR, lasting({"enter_service.ramp_s": 0.0}, for_s=10.0))
    running.set(Party.OPERATOR, lasting({"enter_service.random_delay_s": 60.0}, "user 0"))
    running.only(Party.BACK_END, lasting({NAME: 3.0}))
    running.expire(0.0, UNIX_S)
    assert running.expire(10.0, UNIX_S) == ("enter_service.ramp_s",)
    assert differences(running.configured, running.code) == {"enter_service.permitted": False, NAME: 3.0}
    (why,) = running.dropped
    assert why.startswith("enter_service.random_delay_s of user 0: ")


def test_if_the_rest_contradicts_itself_the_configuration_holds() -> None:
    """The Modbus client's point of the curve fits only beside the operator's, which goes back first."""
    running = Adjustments(CODE)
    running.set(Party.OPERATOR, lasting({"volt_var.v1_pu": 0.94}, for_s=10.0))
    running.set(Party.SUNSPEC, lasting({"volt_var.v2_pu": 0.97}))
    running.set(Party.OPERATOR, lasting({"volt_var.v2_pu": 0.99, "volt_var.v1_pu": 0.95}, for_s=10.0))
    running.expire(0.0, UNIX_S)
    assert running.expire(10.0, UNIX_S)
    assert running.code.settings["volt_var.v1_pu"].value == CODE.volt_var.v1_pu
    assert running.code.volt_var.v2_pu - running.code.volt_var.v1_pu >= 0.02


_WISHES = st.tuples(
    st.sampled_from(list(Party)),
    st.sampled_from([NAME, "trip.uv1.delay_s", "volt_var.v1_pu", "volt_var.v2_pu", "active_power_limit.fed_pu"]),
    st.floats(0, 30),
    st.none() | st.floats(0, 100),
)


@given(st.lists(_WISHES | st.floats(0, 120), max_size=12))
def test_whatever_is_asked_the_code_is_admissible(asked: list[tuple[Party, str, float, float | None] | float]) -> None:
    running = Adjustments(CODE)
    for each in asked:
        if isinstance(each, float):
            running.expire(each, UNIX_S)
            continue
        party, name, value, for_s = each
        before = running.code
        try:
            running.set(party, lasting({name: value}, for_s=for_s))
        except SettingsError:
            assert running.code is before
    running.give_up(Party.BACK_END)
    assert CODE.with_settings(differences(CODE, running.code)).settings == running.code.settings
    running.expire(1e9, UNIX_S)
    assert Adjustments(CODE, running.kept).code.settings == running.code.settings
