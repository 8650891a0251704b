"""The recorded cars of `tests/traces` at our station of today, one after the other; needs neither root nor Josev."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.recorded_car import RecordedCar, RefusedError, connect
from tests.interop.station import Station, station

from v2g.messages.iso20 import common, types

TRACES = sorted((Path(__file__).parents[1] / "traces").glob("*.jsonl"))
PLUG_AND_CHARGE = "josev-dc-plug-and-charge"
LOOPS = 3


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    services = ["DC_BPT", "DC", "AC_BPT", "AC"]
    with station(None, tmp_path_factory.mktemp("station"), services=services, precharge_tolerance_v=None) as running:
        yield running


@pytest.mark.parametrize("trace", [trace for trace in TRACES if trace.stem != PLUG_AND_CHARGE], ids=lambda t: t.stem)
def test_recorded_car_is_served(trace: Path, ours: Station) -> None:
    with connect(("::1", ours.port, 0, 0), None) as connection:
        car = RecordedCar(trace, connection)
        try:
            car.run(LOOPS)
        except RefusedError as error:
            pytest.fail(f"{error}\n{ours.account()}")
    assert isinstance(car.responses[-1], common.SessionStopRes)
    assert car.responses[-1].ResponseCode == types.ResponseCode.OK
    assert len(car.loop_s) == LOOPS


def test_the_station_leaves_the_car_five_seconds_to_close_the_connection(ours: Station) -> None:
    """[V2G20-1633]"""
    with connect(("::1", ours.port, 0, 0), None) as connection:
        car = RecordedCar(next(trace for trace in TRACES if trace.stem != PLUG_AND_CHARGE), connection)
        car.come_and_go()
        connection.settimeout(60.0)
        assert connection.recv(1) == b""
        assert time.perf_counter() - car.asked_s >= 5.0


def test_car_that_insists_on_plug_and_charge_is_refused(ours: Station) -> None:
    trace = next(trace for trace in TRACES if trace.stem == PLUG_AND_CHARGE)
    with connect(("::1", ours.port, 0, 0), None) as connection:
        car = RecordedCar(trace, connection)
        with pytest.raises(RefusedError, match="ServiceDiscoveryRes: FAILED_SequenceError"):
            car.run(LOOPS)
    authorization = next(response for response in car.responses if isinstance(response, common.AuthorizationRes))
    assert authorization.ResponseCode == types.ResponseCode.WARNING_AuthorizationSelectionInvalid
