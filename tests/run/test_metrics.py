"""A daemon as Prometheus sees it, read with the parser of Prometheus' own library."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.interop.process import Process
from tests.interop.station import V2G, Station, station

from v2g.io.http_get import LONGEST_HEAD, MOST_AT_ONCE
from v2g.kernel.distribution import Distribution
from v2g.run.exposition import FRESH_S, expose, info

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


@pytest.fixture(scope="module")
def ours(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder, watched = tmp_path_factory.mktemp("station"), {"metrics": {"port": port}}
    with station(None, folder, services=["DC_BPT"], dispatch=[{"power_w": -5000}], beside=watched) as running:
        while not _listens(port):
            pass
        yield running


def _listens(port: int) -> bool:
    """The metrics come a moment after the station itself."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def samples(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Name and labels -> value."""
    status, text = get(port, "/metrics")
    assert status == 200
    families = text_string_to_metric_families(text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset({"evse": "1", **labels}.items())


def test_a_session_is_counted(ours: Station, port: int) -> None:
    while get(port, "/readyz")[0] != 200:  # its devices have been read
        pass
    before = samples(port)
    assert before[key("v2g_sessions_total", result="completed")] == 0
    assert before[key("v2g_ready")] == 1
    assert before[key("v2g_grid_trips_total", element="uv1")] == 0  # else the first trip would be no increase
    assert before[key("v2g_faults_total", code="0x12", charin="ContactorPosition", chargex="CX017")] == 0
    words = ["--host", "::1", "--port", str(ours.port), "--battery", ours.plant_address, "--no-tls", "--json"]
    with Process([*V2G, "ev", *words, "--duration", "1"]) as car:
        assert car.wait(40) == 0, car.output
        outcome = json.loads(car.output)
    with Process([*V2G, "ev", *words, "--duration", "1"]) as car:  # another visit: what was counted stays
        assert car.wait(40) == 0, car.output
        second = json.loads(car.output)
    found = samples(port)
    assert found[key("v2g_sessions_total", result="completed")] == 2
    # The battery's and the meter's account of a second, of which much is ramp.
    discharged_wh = found[key("v2g_energy_joules_total", direction="discharged")] / 3600
    assert discharged_wh == pytest.approx(outcome["energy_discharged_wh"] + second["energy_discharged_wh"], rel=0.5)
    setups = found[key("v2g_response_seconds_count", message="SessionSetupRes")]
    assert setups == found[key("v2g_response_seconds_bucket", message="SessionSetupRes", le="+Inf")] == 2
    assert found[("v2g_response_owed_seconds", frozenset({("message", "SessionSetupRes")}))] == 1.5
    assert found[("v2g_event_loop_lag_seconds_count", frozenset())] > 0
    assert found[("process_open_fds", frozenset())] > 0


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/healthz", "GET", 200), ("/metrics", "POST", 405), ("/../etc/passwd", "GET", 404)],
)
def test_only_what_is_offered_is_answered(ours: Station, port: int, path: str, method: str, status: int) -> None:
    assert get(port, path, method)[0] == status


def test_a_flood_of_the_silent_keeps_nobody_out(ours: Station, port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * MOST_AT_ONCE)]
    silent[-1].sendall(b"x" * 4 * LONGEST_HEAD)
    assert get(port, "/healthz") == (200, "alive\n")
    for each in silent:
        each.close()


def test_a_flood_of_questions_is_answered_from_one_look() -> None:
    looks = 0

    def look(pauses: Distribution) -> list[Metric]:
        nonlocal looks
        looks += 1
        return [info()]

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    async def flood() -> float:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        serving, begun_s = asyncio.create_task(expose("127.0.0.1", port, look, list)), monotonic()
        while not _listens(port):  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0)
        for _ in range(40):
            assert b"v2g_info{version=" in await ask(port)
        serving.cancel()
        return monotonic() - begun_s

    took_s = asyncio.run(flood())
    assert 1 <= looks <= took_s / FRESH_S + 1


def test_a_station_whose_hardware_is_gone_is_not_ready(ours: Station, port: int, tmp_path: Path) -> None:
    ours.contactor.stop()
    status, text = 200, ""
    while status == 200:
        status, text = get(port, "/readyz")
    assert (status, text.partition(":")[0]) == (503, "EVSE 1")
    end_s = monotonic() + 60.0
    while samples(port)[key("v2g_ready")] and monotonic() < end_s:  # they may be as old as they are answered
        pass
    assert samples(port)[key("v2g_ready")] == 0
