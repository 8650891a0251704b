"""The local API of a station: what 20 clients that ask each second take of a core, in its process and in the daemon."""

import os
import subprocess
import threading
import time
from http.client import HTTPConnection

from benchmarks.figure import Figure, NotMeasuredError, Setting, Value
from tests.broker import free_port
from tests.interop.station import station

CLIENTS = 20
FOR_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


def measure(setting: Setting) -> list[Figure]:
    """Processor time while they ask, and the memory of the API's process."""
    try:
        ours, daemon, resident_mib = _measured(setting)
    except NotMeasuredError as reason:
        ours = daemon = resident_mib = str(reason)
    return [
        Figure("local_api_20_clients_cpu", "percent", ours, limit=3.0),
        Figure("local_api_20_clients_daemon_cpu", "percent", daemon),
        Figure("local_api_resident", "mib", resident_mib),
    ]


def _measured(setting: Setting) -> tuple[Value, Value, Value]:
    """Per cent of a core of the API's process; what the daemon takes more than without clients; MiB of the former."""
    folder, port = setting.folder / "local_api", free_port()
    folder.mkdir(exist_ok=True)
    api = {"local_api": {"listen": f"127.0.0.1:{port}"}}
    with station(None, folder, services=["DC_BPT"], trace_level="info", beside=api) as ours:
        daemon = ours.daemon.child.pid
        while not _ask(port):
            time.sleep(0.1)
        (process,) = subprocess.run(["pgrep", "-P", str(daemon)], capture_output=True, text=True).stdout.split()
        quiet = _cpu_s(daemon)
        time.sleep(FOR_S)
        quiet = _cpu_s(daemon) - quiet
        before = _cpu_s(int(process)), _cpu_s(daemon)
        clients = [threading.Thread(target=_poll, args=(port, index)) for index in range(CLIENTS)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        after = _cpu_s(int(process)), _cpu_s(daemon)
        with open(f"/proc/{process}/statm") as statm:
            resident_mib = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    if _failed:
        raise NotMeasuredError(f"{len(_failed)} requests failed: {_failed[0]}")
    shares = (after[0] - before[0], after[1] - before[1] - quiet)
    return shares[0] / FOR_S * 100, shares[1] / FOR_S * 100, resident_mib


_failed: list[str] = []


def _poll(port: int, index: int) -> None:
    """Each second, over one connection, as programs of a house do."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    began_s = time.monotonic() + index / CLIENTS
    for turn in range(round(FOR_S)):
        time.sleep(max(0.0, began_s + turn - time.monotonic()))
        connection.request("GET", "/api/evses/1")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            _failed.append(f"status {answer.status}")
    connection.close()


def _ask(port: int) -> bool:
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/api/station")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _cpu_s(process: int) -> float:
    with open(f"/proc/{process}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
