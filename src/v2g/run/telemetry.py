"""Sessions as traces, and the numbers of `metrics`, for a collector of OpenTelemetry: `telemetry` in the configuration.

A session is a trace: a span from the car's connection to the session's end, with a span for each phase below it. Names
of cars, contracts and people are not sent. A collector that is away costs nothing: a bounded queue is kept in memory.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context
from prometheus_client.core import Metric as Family

from v2g.iso15118.event import Faulted, Moved, Warned
from v2g.kernel.distribution import Distribution
from v2g.kernel.fault import Fault
from v2g.run.exposition import gc_pauses
from v2g.station.config.settings import Telemetry
from v2g.station.event import Broke, CarArrived, Event, GridVerdict, SafeStateReached, SessionEnded
from v2g.station.faults import CATALOGUE
from v2g.station.unified import unified
from v2g.station.visit import Visit

ANSWER_S = 5.0
"""How long the collector may take; also how long an end of the process may wait for it."""
REPORT_S = 3600.0
"""Report at most this often that the collector is away."""
_CUMULATIVE = AggregationTemporality.CUMULATIVE


class _Session:
    """The spans of one session that is under way."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.phase: Span | None = None

    def end(self) -> None:
        if self.phase is not None:
            self.phase.end()
        self.span.end()


class Sender:
    """Sends what happens at the EVSEs of one process."""

    def __init__(self, settings: Telemetry, report: Callable[[str], None], answer_s: float = ANSWER_S) -> None:
        """`report`: takes why nothing can be sent, in the event loop."""
        self._answer_s = answer_s
        self._settings, self._report, self._reported_s = settings, report, float("-inf")
        endpoint = settings.endpoint.rstrip("/")
        roots = None if settings.roots is None else str(settings.roots)
        resource = Resource.create({"service.name": "v2g", "service.version": version("v2g")})
        traces = OTLPSpanExporter(f"{endpoint}/v1/traces", certificate_file=roots, timeout=answer_s)
        self._numbers = OTLPMetricExporter(f"{endpoint}/v1/metrics", certificate_file=roots, timeout=answer_s)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(traces))
        self._tracer = self._provider.get_tracer("v2g", version("v2g"))
        self._resource = resource
        self._sessions: dict[int, _Session] = {}
        self._begun_ns = time.time_ns()
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it is reported here, once

    def see(self, evse: int, event: Event, visit: Visit) -> None:
        """Something has happened at an EVSE. Never raises: whatever fails here must not reach the station."""
        try:
            self._see(evse, event, visit)
        except Exception as error:
            self._sessions.pop(evse, None)
            self._complain(f"a session is not sent: {type(error).__name__}: {error}")

    def _see(self, evse: int, event: Event, visit: Visit) -> None:
        session = self._sessions.get(evse)
        match event:
            case CarArrived(tls=tls):
                self._end(evse)
                span = self._tracer.start_span("session", attributes={"v2g.evse": evse, "v2g.tls": tls})
                self._sessions[evse] = _Session(span)
            case _ if session is None:
                return
            case Moved(after=after):
                if session.phase is not None:
                    session.phase.end()
                session.phase = self._tracer.start_span(str(after), set_span_in_context(session.span))
            case Faulted(fault=fault) | Broke(fault=fault):
                _fail(session.span, fault)
            case Warned():
                session.span.add_event("warning")
            case GridVerdict(trips=True, element=element):
                session.span.add_event("grid trip", {"v2g.element": element})
            case SafeStateReached(took_s=took_s):
                session.span.add_event("safe state", {"v2g.took_s": took_s})
            case SessionEnded():
                self._describe(session.span, event, visit)
                self._end(evse)

    def _describe(self, span: Span, ended: SessionEnded, visit: Visit) -> None:
        report = visit.report
        span.set_attributes(
            {
                "v2g.service": report.service,
                "v2g.mode": report.mode,
                "v2g.result": "paused" if ended.paused else report.result or "completed",
                "v2g.charged_wh": ended.charged_wh,
                "v2g.discharged_wh": ended.discharged_wh,
                "v2g.messages": ended.messages,
            }
        )

    def _end(self, evse: int) -> None:
        session = self._sessions.pop(evse, None)
        if session is not None:
            session.end()

    async def run(self, look: Callable[[Distribution], Iterable[Family]]) -> None:
        """Send numbers until cancelled; then what is left of the sessions."""
        with gc_pauses() as pauses:
            try:
                while True:
                    try:
                        sent = await asyncio.to_thread(self._numbers.export, self._data(look(pauses)))
                        if sent is not MetricExportResult.SUCCESS:
                            self._complain(f"{self._settings.endpoint} does not take it; see whether it runs")
                    except Exception as error:  # as in `see`
                        self._complain(f"numbers are not sent: {type(error).__name__}: {error}")
                    await asyncio.sleep(self._settings.every_s)
            finally:
                for evse in list(self._sessions):
                    self._end(evse)
                closing = threading.Thread(
                    target=self._close, daemon=True
                )  # a process that ends waits no longer for it
                closing.start()
                await asyncio.to_thread(closing.join, self._answer_s)

    def _complain(self, reason: str) -> None:
        """Report at most every `REPORT_S`."""
        now = time.monotonic()
        if now - self._reported_s >= REPORT_S:
            self._reported_s = now
            self._report(f"telemetry: {reason}")

    def _close(self) -> None:
        self._provider.force_flush(round(self._answer_s * 1000))
        self._provider.shutdown()
        self._numbers.shutdown(round(self._answer_s * 1000))

    def _data(self, families: Iterable[Family]) -> MetricsData:
        now_ns = time.time_ns()
        metrics = [made for each in families if (made := metric(each, self._begun_ns, now_ns)) is not None]
        scope = ScopeMetrics(InstrumentationScope("v2g", version("v2g")), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])


def _fail(span: Span, fault: Fault) -> None:
    """Without the reason, which may name a car."""
    others, title = unified(fault), CATALOGUE[fault].title
    span.add_event(
        "fault",
        {"v2g.code": fault.code, "v2g.title": title, "charin.uec": others.charin, "chargex.mrec": others.chargex},
    )
    span.set_status(Status(StatusCode.ERROR, f"{fault.code} {title}"))


def metric(family: Family, begun_ns: int, now_ns: int) -> Metric | None:
    """A family of Prometheus' library as OpenTelemetry has it, under the same name; None for one without values."""
    data: Gauge | Sum | Histogram
    match family.type:
        case "histogram":
            data = Histogram(_histograms(family, begun_ns, now_ns), _CUMULATIVE)
        case "counter":
            points = [
                NumberDataPoint(each.labels, begun_ns, now_ns, float(each.value))
                for each in family.samples
                if each.name.endswith("_total")
            ]
            data = Sum(points, _CUMULATIVE, is_monotonic=True)
        case _:
            data = Gauge([NumberDataPoint(each.labels, 0, now_ns, float(each.value)) for each in family.samples])
    return Metric(family.name, family.documentation, "", data) if data.data_points else None


def _histograms(family: Family, begun_ns: int, now_ns: int) -> list[HistogramDataPoint]:
    found: dict[tuple[tuple[str, str], ...], tuple[list[tuple[float, float]], dict[str, float]]] = {}
    for each in family.samples:
        labels = {name: value for name, value in each.labels.items() if name != "le"}
        buckets, sums = found.setdefault(tuple(labels.items()), ([], {}))
        if each.name.endswith("_bucket"):
            buckets.append((float(each.labels["le"]), each.value))
        else:
            sums[each.name.rpartition("_")[2]] = each.value
    return [_histogram(dict(labels), buckets, sums, begun_ns, now_ns) for labels, (buckets, sums) in found.items()]


def _histogram(
    labels: Mapping[str, str], buckets: list[tuple[float, float]], sums: Mapping[str, float], begun_ns: int, now_ns: int
) -> HistogramDataPoint:
    """`buckets`: upper bounds with cumulative counts; OpenTelemetry counts each bucket alone."""
    cumulative = [count for _, count in buckets]
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=begun_ns,
        time_unix_nano=now_ns,
        count=int(sums.get("count", cumulative[-1])),
        sum=sums.get("sum", 0.0),
        bucket_counts=[int(count - before) for count, before in zip(cumulative, [0.0, *cumulative], strict=False)],
        explicit_bounds=[bound for bound, _ in buckets[:-1]],
        min=0.0,
        max=0.0,
    )
