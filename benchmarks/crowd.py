"""How long a car waits for a response while strangers crowd the station's other EVSE.

Two listeners in one event loop, as in the daemon, on real sockets. The strangers and the car run in processes of their
own; every answer costs the station a millisecond of its processor.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from benchmarks.figure import Figure, Setting
from tests.run.station_bench import contexts

from v2g.io.link import Link, Peer
from v2g.io.listener import listen
from v2g.io.turns import Turns
from v2g.kernel.errors import V2GError
from v2g.pki import hierarchy
from v2g.tls.channel import TlsChannel

ANSWER_S = 0.001
EXCHANGES = 400
LIMIT_MS = 10.0

_CAR = """
import json, socket, sys, time
frame = bytes.fromhex("01fe8002 00000010") + bytes(16)
times = []
with socket.create_connection(("::1", int(sys.argv[1]))) as car:
    car.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(int(sys.argv[2])):
        begun = time.perf_counter()
        car.sendall(frame)
        got = 0
        while got < len(frame):
            got += len(car.recv(len(frame) - got)) or sys.exit("the station closed the connection")
        times.append(time.perf_counter() - begun)
        time.sleep(0.005)
print(json.dumps(times))
"""
_STRANGERS = {
    "none": "time.sleep(1000)",
    # 10 000 requests in one burst, again and again.
    "burst": """
burst = (bytes.fromhex("01fe8002 00000010") + bytes(16)) * 10_000
while True:
    try:
        with socket.create_connection(("::1", port)) as stranger:
            stranger.sendall(burst)
            while stranger.recv(65536):
                pass
    except OSError:
        pass
""",
    # 1000 connections that say nothing, those that are closed opened again.
    "idle": """
crowd = []
while True:
    crowd.append(socket.create_connection(("::1", port)))
    if len(crowd) == 1000:
        time.sleep(0.2)
        for each in crowd[:200]:
            each.close()
        del crowd[:200]
""",
    # TLS set-ups without a certificate, each of which the station has to refuse.
    "set_ups": """
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.set_ecdh_curve("secp521r1")
def crowd():
    while True:
        try:
            with socket.create_connection(("::1", port)) as plain, context.wrap_socket(plain) as stranger:
                stranger.recv(1)
        except OSError:
            pass
for _ in range(12):
    threading.Thread(target=crowd).start()
""",
}
ATTACKS = ("burst", "idle", "set_ups")


class _Station:
    """Answers each frame with itself."""

    def established(self, link: Link, peer: Peer) -> None:
        self._link = link

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        until = perf_counter() + ANSWER_S
        while perf_counter() < until:
            pass
        self._link.send(payload_type, payload)

    def lost(self, reason: V2GError | None) -> None:
        pass


async def response_times(attack: str, pki: Path) -> list[float]:
    """Seconds that a car at one EVSE waits for each of its responses while the other is attacked."""
    secc, _ = contexts(pki)
    tls = None if attack == "burst" else lambda: TlsChannel(secc)
    turns = Turns()
    honest = await listen(_Station, "::1", turns=turns)
    crowded = await listen(_Station, "::1", tls=tls, turns=turns)
    program = "import socket, ssl, sys, threading, time\nport = int(sys.argv[1])\n" + _STRANGERS[attack]
    strangers = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(crowded.port))
    try:
        command = (sys.executable, "-c", _CAR, str(honest.port), str(EXCHANGES))
        car = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        with suppress(PermissionError):  # only root may prefer one process to another
            os.setpriority(os.PRIO_PROCESS, car.pid, -10)
            os.setpriority(os.PRIO_PROCESS, os.getpid(), -10)
            os.setpriority(os.PRIO_PROCESS, strangers.pid, 5)
        output, _ = await car.communicate()
        times: list[float] = json.loads(output)
        return times
    finally:
        strangers.kill()
        await strangers.wait()
        honest.close()
        crowded.close()


def p99_ms(attack: str, pki: Path) -> float:
    """The 99th percentile of the car's waiting time in milliseconds."""
    return quantiles(asyncio.run(response_times(attack, pki)), n=100)[98] * 1000


def measure(setting: Setting) -> list[Figure]:
    """99th percentile of the response time at one EVSE for each kind of crowd at the other, milliseconds."""
    pki = setting.folder / "crowd"
    hierarchy.create(pki, now=datetime.now(UTC))
    return [Figure(f"response_beside_{attack}_p99", "ms", p99_ms(attack, pki), limit=LIMIT_MS) for attack in _STRANGERS]
