"""Numbers for Prometheus over HTTP, and whether the process lives and is ready: what station, depot and fleet share.

/metrics   numbers, in the text format of Prometheus
/healthz   200 as long as the process answers at all
/readyz    200 if it can do its work, else 503 with the reasons
"""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from v2g.io.http_get import Answer, serve
from v2g.kernel.distribution import BOUNDS_S, Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator

D = TypeVar("D")
FRESH_S = 0.5
"""Whoever asks within this time gets the same text: a flood of clients costs the process little."""


class _Page(Collector):
    """All the numbers at one instant: looked at in the event loop, written as text beside it."""

    def __init__(self) -> None:
        self.metrics: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        return self.metrics


async def expose(
    host: str, port: int, look: Callable[[Distribution], list[Metric]], missing: Callable[[], Iterable[str]]
) -> None:
    """Serve until cancelled. `look`: the numbers of now, with the pauses by garbage collections. `missing`: lines that
    say why the process is not ready. Raises `HttpError`."""
    registry, page, turn = CollectorRegistry(), _Page(), asyncio.Lock()
    registry.register(page)
    ProcessCollector(registry=registry)
    text, until_s = b"", float("-inf")
    with gc_pauses() as pauses:

        async def answer(path: str) -> Answer:
            nonlocal text, until_s
            match path:
                case "/metrics":
                    async with turn:
                        if time.monotonic() >= until_s:
                            page.metrics = look(pauses)
                            # Longer than a response may wait.
                            text = await asyncio.to_thread(generate_latest, registry)
                            until_s = time.monotonic() + FRESH_S
                    return HTTPStatus.OK, CONTENT_TYPE_LATEST, text.decode()
                case "/healthz":
                    return HTTPStatus.OK, "text/plain", "alive\n"
                case "/readyz":
                    lines = "".join(f"{line}\n" for line in missing())
                    status = HTTPStatus.SERVICE_UNAVAILABLE if lines else HTTPStatus.OK
                    return status, "text/plain", lines or "ready\n"
            return HTTPStatus.NOT_FOUND, "text/plain", "there are /metrics, /healthz and /readyz\n"

        await serve(host, port, answer)


@contextmanager
def gc_pauses() -> "Iterator[Distribution]":
    """How long garbage collections take, until the block is left."""
    pauses, begun_s = Distribution(), 0.0

    def measure(phase: str, info: dict[str, int]) -> None:
        nonlocal begun_s
        if phase == "start":
            begun_s = time.perf_counter()
        else:
            pauses.add(time.perf_counter() - begun_s)

    gc.callbacks.append(measure)
    try:
        yield pauses
    finally:
        gc.callbacks.remove(measure)


def info() -> Metric:
    """Which version runs."""
    found = GaugeMetricFamily("v2g_info", "Version of the software", labels=["version"])
    found.add_metric([_version()], 1.0)
    return found


@cache
def _version() -> str:
    """Read once: the package's metadata are a file to parse."""
    return version("v2g")


def powers(
    program: str, known: Mapping[str, tuple[str, Callable[[D], float | None]]], dispatch: D | None
) -> "Iterator[Metric]":
    """Of the dispatch of a `depot` or `fleet`, by name; what it does not know, or what has no bound, is left out."""
    for name, (what, of) in known.items():
        value = None if dispatch is None else of(dispatch)
        if value is not None and isfinite(value):
            yield GaugeMetricFamily(f"v2g_{program}_{name}", what, value)


def counted(name: str, what: str, label: str, kinds: Iterable[str], found: Iterable[str]) -> Metric:
    """How many of each kind there are, 0 included."""
    family, counts = GaugeMetricFamily(name, what, labels=[label]), Counter(found)
    for kind in kinds:
        family.add_metric([kind], float(counts[kind]))
    return family


def histogram(name: str, what: str, distribution: Distribution) -> Metric:
    """One without labels."""
    found = HistogramMetricFamily(name, what, labels=[])
    found.add_metric([], *buckets(distribution))
    return found


def of_process(lags: Distribution, pauses: Distribution) -> tuple[Metric, Metric]:
    """How late the event loop was, and garbage collections, s."""
    return (
        histogram("v2g_event_loop_lag_seconds", "How late the event loop is", lags),
        histogram("v2g_gc_pause_seconds", "Garbage collections", pauses),
    )


def buckets(distribution: Distribution) -> tuple[list[tuple[str, float]], float]:
    """As the library wants them: cumulative."""
    found, below = [], 0
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), distribution.counts, strict=True):
        below += count
        found.append((bound, float(below)))
    return found, distribution.total_s
