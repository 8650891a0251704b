"""A station on the loopback for cars to connect to: the real conversation behind real TCP, with hardware that obeys."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from v2g.io.link import Link, Peer
from v2g.io.listener import Listener, listen
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import Service
from v2g.iso15118.station import StationConversation
from v2g.iso15118.view import Authorization, Check, Limits, Offer, Slot, Stage, StationView
from v2g.kernel.errors import V2GError
from v2g.tls.channel import TlsChannel
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.files import TlsFiles

BATTERY_V = 400.0
SERVICES = (Service.DC_BPT, Service.DC, Service.AC_BPT, Service.AC)
LIMITS = Limits(charge_w=22_000, discharge_w=20_000, charge_a=60, discharge_a=60, voltage_min_v=150, voltage_max_v=900)


def contexts(pki: Path) -> tuple[TlsContext, TlsContext]:
    """The TLS contexts of a station and of a vehicle."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    secc = TlsFiles(pki / "secc_cert.pem", pki / "secc_key.pem", (pki / "oem_root.pem",), pki / "cpo_chain.pem")
    car = TlsFiles(pki / "vehicle_cert.pem", pki / "vehicle_key.pem", (pki / "v2g_root.pem",), pki / "oem_chain.pem")
    return station_context(secc, now=now), vehicle_context(car, now=now)


class BenchStation:
    """Talks to one car after the other. `power_w` is what it does in dynamic mode; `at_loop` is called in each turn."""

    def __init__(self, *, power_w: float = 5_000.0, at_loop: Callable[["BenchStation"], None] | None = None) -> None:
        self.power_w = power_w
        self.conversation: StationConversation | None = None
        self.paused: Paused | None = None
        self.link: Link | None = None
        self._at_loop = at_loop

    async def listen(self, tls: TlsContext | None = None, host: str = "::1") -> tuple[Listener, int]:
        listener = await listen(lambda: self, host, tls=None if tls is None else lambda: TlsChannel(tls))
        return listener, listener.port

    def established(self, link: Link, peer: Peer) -> None:
        self.link = link
        self.conversation = StationConversation(
            Offer("DE*ABC*E1", SERVICES),
            asyncio.get_running_loop().time(),
            peer=peer.fingerprint,
            paused=self.paused,
        )

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        conversation, link = self.conversation, self.link
        assert conversation is not None
        assert link is not None
        answers = conversation.receive(payload_type, payload, arrived, self._plant()).send
        answers += conversation.renew(arrived, self._plant()).send
        if conversation.end is not None:
            self.paused = conversation.end.paused
        for answer in answers:
            link.send(*answer)
        if conversation.phase == "CHARGE_LOOP" and self._at_loop is not None:
            self._at_loop(self)

    def lost(self, reason: V2GError | None) -> None:
        self.link = None

    def _plant(self) -> StationView:
        assert self.conversation is not None
        demand = self.conversation.demand
        energy = demand.stage is Stage.ENERGY
        power_w = (self.power_w if demand.wish_w is None else demand.wish_w) if energy else 0.0
        closed = demand.stage is not Stage.OFF
        voltage_v = (BATTERY_V if energy else demand.voltage_v) if closed else 0.0
        plant = StationView(
            unix_s=int(time.time()),
            authorization=Authorization.ACCEPTED,
            may_discharge=True,
            limits=LIMITS,
            cable_check=Check.PASSED,
            contactor_closed=closed,
            current_gone=not energy,
            schedule=(Slot(3600, 10_000, 10_000),),
        )
        return replace(plant, voltage_v=voltage_v, current_a=power_w / BATTERY_V, power_w=power_w, target_w=power_w)


@contextmanager
def station_in_a_thread(station: BenchStation, tls: TlsContext | None = None) -> Iterator[int]:
    """The port of a station that runs while a command occupies the main thread."""
    listening = threading.Event()
    ports: list[int] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        listener, port = await station.listen(tls)
        ports.append(port)
        listening.set()
        try:
            await asyncio.Event().wait()
        finally:
            listener.close()

    async def stop() -> None:
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    thread = threading.Thread(target=lambda: _run_until_cancelled(loop, serve()))
    thread.start()
    assert listening.wait(10.0)
    try:
        yield ports[0]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop)
        thread.join(10.0)


def _run_until_cancelled(loop: asyncio.AbstractEventLoop, work: "asyncio._CoroutineLike[None]") -> None:
    try:
        loop.run_until_complete(work)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()
