"""What the operator's page costs the depot: six clients of its stream of events, one of them a Chromium that shows the
page, at a depot whose stations measure every ten seconds.

In the table: 1 000 chargers. `python -m benchmarks.depot_page --stations 5000` measures more of them.
"""

import argparse
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import processes
from benchmarks.depot_site import crowd
from benchmarks.figure import Figure, Setting

SHORT = 1_000
CLIENTS = 6
METER_S, SETTLES_S, LASTS_S, TURNS = 10.0, 12.0, 15.0, 3
MOST_PERCENT, MOST_MIB = 5.0, 80.0


def measure(setting: Setting) -> list[Figure]:
    return figures(setting.folder / "page", SHORT)


def figures(folder: Path, count: int) -> list[Figure]:
    """Processor time with clients and without, in turns; the memory after all of them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with crowd(folder, count, meter_s=METER_S) as site:
        site.connect()
        site.ask(1_000.0 * count)
        time.sleep(SETTLES_S)
        pid = site.depot.child.pid
        before_mib, without, with_them, bytes_s = processes.resident_mib(pid), 0.0, 0.0, 0.0
        for _ in range(TURNS):
            without += _cpu(pid)
            with _reading(site.http, CLIENTS - (chromium is not None)) as read, _shown(chromium, site.http):
                time.sleep(SETTLES_S / 4)
                begins = read[0]
                with_them += _cpu(pid)
                bytes_s += (read[0] - begins) / LASTS_S / TURNS
                after_mib = processes.resident_mib(pid)
    percent = 100 * (with_them - without) / TURNS / LASTS_S
    name = f"depot_{count}_chargers_page_{CLIENTS}_clients"
    shown: float | str = 1.0 if chromium else "no chromium"
    return [
        Figure(f"{name}_cpu", "percent", percent, limit=MOST_PERCENT),
        Figure(f"{name}_memory", "mib", after_mib - before_mib, limit=MOST_MIB),
        Figure(f"{name}_stream_of_each", "bytes_per_s", bytes_s / (CLIENTS - (chromium is not None))),
        Figure(f"{name}_browsers", "count", shown),
        Figure(f"depot_{count}_chargers_cpu_without", "percent", 100 * without / TURNS / LASTS_S),
    ]


def _cpu(pid: int) -> float:
    before_s = processes.cpu_s(pid)
    time.sleep(LASTS_S)
    return processes.cpu_s(pid) - before_s


@contextmanager
def _reading(http: str, count: int) -> Iterator[list[int]]:
    """Clients that read the stream and do nothing with it. Yields how many bytes they have got."""
    place, got = urlsplit(http), [0]
    sockets = [socket.create_connection((place.hostname, place.port)) for _ in range(count)]

    def read(each: socket.socket) -> None:
        while part := each.recv(1 << 16):
            got[0] += len(part)

    for each in sockets:
        each.sendall(f"GET /api/events HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        threading.Thread(target=read, args=(each,), daemon=True).start()
    try:
        yield got
    finally:
        for each in sockets:
            each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def _browser(chromium: str, http: str) -> Iterator[None]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(http)
        page.get_by_text("kW").first.wait_for(timeout=60_000)
        yield
        browser.close()


def _shown(chromium: str | None, http: str) -> AbstractContextManager[None]:
    return nullcontext() if chromium is None else _browser(chromium, http)


def main() -> None:
    from benchmarks.__main__ import _print

    parser = argparse.ArgumentParser(prog="python -m benchmarks.depot_page", description=__doc__)
    parser.add_argument("--stations", type=int, default=SHORT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _print(figures(Path(folder), args.stations))


if __name__ == "__main__":
    main()
