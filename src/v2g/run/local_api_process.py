"""The process of local API and SunSpec server: `python -m v2g.run.local_api_process`, which the daemon starts.

The daemon writes its order to it. It ends when its standard input does. It gives way to the station: the lowest
priority of ordinary processes, no more memory than it needs, none of the daemon's capabilities.
"""

import asyncio
import ctypes
import os
import resource
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from v2g.kernel.errors import V2GError
from v2g.run.local_api import Order, PlantFacts
from v2g.station.config.settings import LocalApi
from v2g.station.config.sunspec import SunSpec

MOST_MEMORY = 512 << 20
"""Of addresses, not of memory in use."""
_NO_NEW_PRIVILEGES = 38
_CAPABILITIES_3 = 0x20080522


def main() -> int:
    """Serve until the standard input ends. 1 with the reason on the standard output if that is not possible."""
    give_way()
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order, dec_hook=lambda kind, value: Path(value))
    failed = False
    try:
        asyncio.run(_serve(order))
    except* V2GError as group:
        report("; ".join(map(str, group.exceptions)))
        failed = True
    return int(failed)


def give_way() -> None:
    """Take nothing of what the daemon may: its scheduling, its capabilities, the machine's memory."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 19)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if os.getuid() != 0:  # root keeps what lets it read its files
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
        libc.capset(header, (ctypes.c_uint32 * 6)())


async def _serve(order: Order) -> None:
    from v2g.io.control_client import ControlClient

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wait_for_end() -> None:
        with suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    daemon, parts = ControlClient(order.socket), list[Any]()
    if order.api is not None:
        parts += _api(order.api, daemon)
    if order.sunspec is not None and order.plant is not None:
        parts += _sunspec(order.sunspec, order.plant, ControlClient(order.socket))
    async with asyncio.TaskGroup() as tasks:
        serving = [tasks.create_task(each) for each in parts]
        await ended.wait()
        for each in serving:
            each.cancel()


def _api(api: LocalApi, daemon: Any) -> list[Any]:
    """HTTP and MQTT. Raises `V2GError`."""
    from v2g.io.local_station import LocalStation

    loop, parts = asyncio.get_running_loop(), list[Any]()
    station = LocalStation(daemon, loop.time)
    if api.listen is not None:
        from v2g.io import http_application
        from v2g.io.local_access import door
        from v2g.io.local_http import LocalHttp

        http = LocalHttp(station, door(api, loop.time))
        host, _, port = api.listen.rpartition(":")
        tls = None if api.certificate is None or api.private_key is None else (api.certificate, api.private_key)
        where = host.strip("[]"), int(port)
        serving = http_application.serve(http.app, *where, lambda at: report(f"at {at}"), tls, "local_api.listen")
        parts += [serving, http.run()]
    if api.mqtt is not None:
        from v2g.io.local_mqtt import LocalMqtt

        parts.append(LocalMqtt(station, api.mqtt, report).keep())
    return parts


def _sunspec(settings: SunSpec, facts: PlantFacts, daemon: Any) -> list[Any]:
    """The Modbus server. Raises `V2GError`."""
    from v2g.io.modbus_tls import context_if_named
    from v2g.io.sunspec_server import Rules, SunSpecServer
    from v2g.io.sunspec_station import StationPlant
    from v2g.languages.plant import About

    about = About("charging station", facts.version, facts.serial)
    plant = StationPlant(
        daemon.ask, asyncio.get_running_loop().time, about, nominal_v=facts.nominal_v, nominal_hz=facts.nominal_hz,
        phases=facts.phases, coded=facts.coded, dc=facts.dc,
    )  # fmt: skip
    server = SunSpecServer(plant, Rules(settings.unit, settings.writers, float(settings.silence_s)), report)
    tls = context_if_named(settings.certificate, settings.private_key, settings.roots)
    return [server.serve(settings.listen, tls), server.share(plant.share_again)]


def report(text: str) -> None:
    """A line for the daemon's trace."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
