"""A depot as Prometheus sees it, read with the parser of Prometheus' own library."""

import asyncio
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.csms.test_api import depot

from v2g.depot.configuration import Metrics
from v2g.run.depot import DepotProcess

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


async def get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


async def watched(process: DepotProcess, port: int) -> asyncio.Task[None]:
    return await offered(process._be_watched(Metrics(port=port)), port)


async def offered(work: Coroutine[Any, Any, None], port: int) -> asyncio.Task[None]:
    """Once the numbers are."""
    serving = asyncio.create_task(work)
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0)
            continue
        writer.close()
        return serving


async def samples(port: int) -> Samples:
    """Name and labels -> value."""
    status, text = await get(port, "/metrics")
    assert status == 200
    families = text_string_to_metric_families(text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def key(metric: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"v2g_depot_{metric}", frozenset(labels.items())


def test_what_the_site_is_asked_for_and_does_is_counted(tmp_path: Path) -> None:
    async def case() -> None:
        async with depot(tmp_path) as (process, link, _):
            process.request("EMS", {"power_w": -5_000.0, "for_s": 60})
            for _ in range(3):
                process.step()
                await link.settle()
            port = free_port()
            serving = await watched(process, port)
            found = await samples(port)
            assert found[key("requested_watts")] == found[key("commanded_watts")] == -5_000
            assert found[key("short_watts")] == 0
            assert (found[key("chargers", state="discharging")], found[key("chargers", state="offline")]) == (1, 1)
            assert found[key("stations_connected")] == 1
            # The last cycle is counted once the stations have answered.
            assert process.cycles - 1 <= found[key("cycle_seconds_count")] <= process.cycles
            assert process.cycles >= 3
            assert found[key("setpoints_changed_total")] >= 1
            assert found[key("ocpp_seconds_count")] >= 3  # its variables, its bottom profile, its set-point
            assert found[key("limited_seconds_total", limit="request", name="")] > 0
            assert found[key("ledger_trouble")] == 0
            assert found[key("ledger_bytes")] > 0
            assert (await get(port, "/readyz")) == (200, "ready\n")
            serving.cancel()

    asyncio.run(case())


def test_a_depot_that_does_not_steer_is_not_ready(tmp_path: Path) -> None:
    async def case() -> None:
        async with depot(tmp_path) as (process, _, _):
            process.ledger.trouble = "disk full; free some space"
            process._stepped_s -= 60.0
            process.links.disconnected("CS0")
            port = free_port()
            serving = await watched(process, port)
            status, text = await get(port, "/readyz")
            assert status == 503
            assert text.splitlines() == [
                "the controller has decided nothing for 5 cycles; look at the log",
                "ledger: disk full; free some space",
                "no station is connected",
            ]
            assert (await samples(port))[key("ledger_trouble")] == 1
            serving.cancel()

    asyncio.run(case())
