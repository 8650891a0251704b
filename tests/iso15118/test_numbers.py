"""Numbers to a peer are never rounded up nor refused, and what a peer states is held to what a vehicle can have."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.iso15118.requests import every_request, exi, payload_type_of
from tests.iso15118.test_secc_engine import READY

from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.numbers import limit, shown, stated
from v2g.iso15118.d20.station.side import STATION
from v2g.iso15118.numbers import MOST, MOST_A, MOST_V, MOST_W, why_not
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.view import Limits, Offer, Slot, StationView
from v2g.messages.iso20.types import RationalNumber

anything = st.floats(allow_nan=True, allow_infinity=True)
room = st.floats(-MOST, MOST)


@given(room)
def test_a_limit_is_the_nearest_number_that_does_not_promise_more(value: float) -> None:
    sent = limit(value).value
    assert abs(sent) <= abs(value)
    assert sent * value >= 0
    step = 10.0 ** limit(value).Exponent
    assert abs(value) - abs(sent) < step * (1 + 1e-9)


@given(room)
def test_a_measurement_is_the_nearest_number(value: float) -> None:
    assert shown(value) == RationalNumber.of(value)


@given(anything)
def test_no_number_of_the_station_is_refused(value: float) -> None:
    for sent in (limit(value), shown(value)):
        assert -128 <= sent.Exponent <= 127
        assert -32_768 <= sent.Value <= 32_767
        if not math.isnan(value):
            assert sent.value == pytest.approx(min(max(value, -MOST), MOST), abs=0.001, rel=0.001)


@given(st.integers(-128, 127), st.integers(-32_768, 32_767), st.sampled_from([MOST_W, MOST_A, MOST_V]))
def test_what_a_peer_states_is_bounded(exponent: int, value: int, most: float) -> None:
    said = stated(RationalNumber(exponent, value), most)
    assert math.isfinite(said)
    assert abs(said) <= most
    assert said * value >= 0


@pytest.mark.parametrize(
    "limits",
    [
        Limits(charge_w=-1.0, voltage_max_v=400),
        Limits(charge_a=-1.0, voltage_max_v=400),
        Limits(voltage_min_v=400, voltage_max_v=300),
        Limits(voltage_min_v=-10, voltage_max_v=-5),
        Limits(charge_w=11_000),
    ],
)
def test_limits_that_mean_nothing_are_refused(limits: Limits) -> None:
    assert why_not(limits, dc=True) is not None


def test_limits_that_mean_something_are_not() -> None:
    assert why_not(Limits(charge_w=0, charge_a=0, voltage_min_v=300, voltage_max_v=300), dc=True) is None
    assert why_not(Limits(charge_w=11_000), dc=False) is None, "AC has no voltages"


anywhere = st.floats(allow_nan=True, allow_infinity=True)
odd_limits = st.builds(Limits, *[anywhere] * 10)
odd_views = st.builds(
    replace,
    st.just(READY),
    limits=odd_limits,
    lasting=odd_limits,
    voltage_v=anywhere,
    current_a=anywhere,
    power_w=anywhere,
    target_w=st.none() | anywhere,
    target_var=anywhere,
    schedule=st.lists(st.builds(Slot, st.integers(1, 86_400), anywhere, anywhere), max_size=3).map(tuple),
)


@given(st.sampled_from(Service), st.sampled_from(ControlMode), st.lists(odd_views, min_size=1, max_size=4))
def test_no_value_of_the_station_keeps_it_from_answering(
    service: Service, mode: ControlMode, views: list[StationView]
) -> None:
    """Every walk through a session is answered, whatever the devices say."""
    offer = Offer("DE*V2G*E1", (service,), (mode,), precharge_tolerance_v=None, ramp_w_per_s=views[0].power_w)
    engine = StationEngine(STATION, offer, setup_deadline=18.0)
    for number in range(20):
        if engine.end is not None:
            break
        name = next(iter(D20.admitted(engine.session.phase, service.dc)))
        requests = every_request(engine.session.session_id, service, mode)
        request = next(each for each in requests if type(each).__name__ == name)
        step = engine.receive(payload_type_of(request), exi(request), float(number), views[number % len(views)])
        assert len(step.send) == 1
