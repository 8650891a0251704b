"""What a collector of OpenTelemetry gets, decoded by OpenTelemetry's own messages from what arrives over HTTP."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from tests.interop.process import Process
from tests.interop.station import V2G, station
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.power.inverter import InverterFault
from v2g.run.telemetry import Sender
from v2g.station.config.settings import Telemetry
from v2g.station.event import CarArrived, SessionEnded

WITHIN_S = 30.0


@dataclass
class Collector:
    """Takes OTLP over HTTP."""

    url: str = ""
    came: list[tuple[str, bytes]] = field(default_factory=list)
    new: threading.Condition = field(default_factory=threading.Condition)

    def spans(self) -> list[Any]:
        found = []
        for path, body in self.came:
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def numbers(self) -> dict[str, Any]:
        """The latest, by name."""
        found = dict[str, Any]()
        for path, body in self.came:
            if path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    found |= {each.name: each for scope in resource.scope_metrics for each in scope.metrics}
        return found

    def wait(self, until: Callable[[], bool]) -> None:
        with self.new:
            assert self.new.wait_for(until, WITHIN_S)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            with made.new:
                made.came.append((self.path, body))
                made.new.notify_all()
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def attributes(each: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in each.attributes}


def families() -> list[Any]:
    power = GaugeMetricFamily("v2g_power_watts", "power", labels=["evse"])
    power.add_metric(["1"], -5000.0)
    sessions = CounterMetricFamily("v2g_sessions", "sessions", labels=["evse", "result"])
    sessions.add_metric(["1", "failed"], 2)
    response = HistogramMetricFamily("v2g_response_seconds", "response", labels=["evse"])
    response.add_metric(["1"], [("0.01", 3.0), ("0.1", 5.0), ("+Inf", 6.0)], 0.7)
    return [power, sessions, response, GaugeMetricFamily("v2g_nothing", "nothing")]


def test_a_session_is_a_trace_with_its_phases_and_its_fault(collector: Collector) -> None:
    world = in_the_loop(World(OUTLET, INTENT), 1.0)
    world.plant.trip(InverterFault.OVER_TEMPERATURE)
    world.run(3.0)

    async def send() -> None:
        sender = Sender(Telemetry(endpoint=collector.url), pytest.fail)
        visit = world.evse.visit
        sender.see(1, CarArrived("[fe80::1]:5", True), visit)
        for _, event in world.events:
            sender.see(1, event, visit)
        task = asyncio.create_task(sender.run(lambda pauses: families()))
        await asyncio.to_thread(collector.wait, lambda: bool(collector.numbers()))
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(send())
    root, *phases = sorted(collector.spans(), key=lambda span: (span.name != "session", span.start_time_unix_nano))
    assert [span.name for span in phases][:3] == ["AUTHORIZATION_SETUP", "AUTHORIZATION", "SERVICE_DISCOVERY"]
    assert {span.trace_id for span in phases} == {root.trace_id}
    assert {span.parent_span_id for span in phases} == {root.span_id}
    found = attributes(root)
    assert (found["v2g.evse"], found["v2g.tls"], found["v2g.service"]) == (1, True, "DC_BPT")
    assert found["v2g.result"] == "failed"
    assert found["v2g.charged_wh"] > 0
    (fault,) = (each for each in root.events if each.name == "fault")
    assert attributes(fault)["v2g.code"] == "0x1C"
    assert attributes(fault)["charin.uec"] == "HighTemperature"
    assert (root.status.code, root.status.message) == (2, "0x1C Over-temperature")
    everything = b"".join(body for _, body in collector.came)
    assert INTENT.evcc_id.encode() not in everything  # no name of a car


def test_the_numbers_are_those_of_prometheus(collector: Collector) -> None:
    async def send() -> None:
        task = asyncio.create_task(
            Sender(Telemetry(endpoint=f"{collector.url}/"), pytest.fail).run(lambda pauses: families())
        )
        await asyncio.to_thread(collector.wait, lambda: bool(collector.numbers()))
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(send())
    found = collector.numbers()
    assert list(found) == ["v2g_power_watts", "v2g_sessions", "v2g_response_seconds"]
    (power,) = found["v2g_power_watts"].gauge.data_points
    assert (power.as_double, attributes(power)) == (-5000.0, {"evse": "1"})
    sessions = found["v2g_sessions"].sum
    assert (sessions.is_monotonic, sessions.data_points[0].as_double) == (True, 2.0)
    (response,) = found["v2g_response_seconds"].histogram.data_points
    assert (list(response.bucket_counts), list(response.explicit_bounds)) == ([3, 2, 1], [0.01, 0.1])
    assert (response.count, response.sum) == (6, 0.7)


def test_a_collector_that_is_away_is_reported_once_and_stops_nothing() -> None:
    reported: list[str] = []

    async def send() -> None:
        away = asyncio.Event()

        def report(text: str) -> None:
            reported.append(text)
            away.set()

        sender = Sender(Telemetry(endpoint="http://127.0.0.1:1"), report, answer_s=0.2)
        task = asyncio.create_task(sender.run(lambda pauses: families()))
        await asyncio.wait_for(away.wait(), WITHIN_S)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(send())
    assert reported == ["telemetry: http://127.0.0.1:1 does not take it; see whether it runs"]


def test_what_fails_here_does_not_reach_the_station() -> None:
    reported: list[str] = []
    broken: Any = None
    sender = Sender(Telemetry(endpoint="http://127.0.0.1:1"), reported.append, answer_s=0.1)
    sender.see(1, CarArrived("[fe80::1]:5", False), broken)
    sender.see(1, SessionEnded(False, 1.0, 2.0, 3), broken)
    assert [text.partition(" is not sent: ")[0] for text in reported] == ["telemetry: a session"]

    async def send() -> None:
        look: Any = lambda pauses: 1 / 0  # noqa: E731
        task = asyncio.create_task(sender.run(look))
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(send())


@pytest.mark.proof
def test_a_daemon_sends_what_its_sessions_are(collector: Collector, tmp_path: Path) -> None:
    beside = {"telemetry": {"endpoint": collector.url, "every_s": 1}}
    with station(None, tmp_path, services=["DC_BPT"], dispatch=[{"power_w": -5000}], beside=beside) as ours:
        place = ["--host", "::1", "--port", str(ours.port), "--battery", ours.plant_address, "--no-tls", "--json"]
        with Process([*V2G, "ev", *place, "--duration", "1"]) as car:
            assert car.wait(40) == 0, car.output
            assert json.loads(car.output)["result"] == "ok"
        collector.wait(lambda: any(span.name == "session" for span in collector.spans()))
        collector.wait(lambda: collector.numbers()["v2g_sessions"].sum.data_points[0].as_double == 1)
