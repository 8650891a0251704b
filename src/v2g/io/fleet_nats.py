"""A fleet over NATS: aggregates by plain messages, entries by streams that write before they answer, set-points by
question and answer.

    fleet.aggregate.DEPOT   a depot in few numbers, once a second; one that is lost is followed by another
    fleet.setpoint.DEPOT    a set-point; the answer goes to fleet.answer.DEPOT.TOKEN
    fleet.ledger.DEPOT      entries; kept by the stream LEDGER of the hubs until the fleet's database has them
    fleet.request.USER      what is asked of the fleet, in the name of a user; fleet.withdraw.USER ends that
    fleet.measure.USER      the grid's frequency
    fleet.here, fleet.mine  whether a process of this fleet is at work; which one is

A depot's entries are in the stream OUTBOX of its own server first, and leave it once LEDGER has them: nothing is lost
while the link is cut, and what is sent twice is entered once. Set-points never wait in a stream: one that comes late is
worse than none.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any

import msgspec
import nats
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsPyError
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from v2g.fleet.view import Accepted, Aggregate, Batch, Setpoint
from v2g.io.nats_server import FULL_B, FULL_LEAF_B, NatsError

LEDGER, OUTBOX = "LEDGER", "OUTBOX"
PATIENCE_S = 5.0
CONNECT_S = 20.0
AGAIN_S = 0.5
TOGETHER = 200
"""Messages of one commit at most."""
ACK_WAIT_S = 30.0
REFUSED = "authorization violation"
HERE_S = 1.0
OTHER = "another process of this fleet is at work with these servers; stop one of them, or change `fleet` in its file"
_aggregates = msgspec.msgpack.Decoder(Aggregate)
_answers = msgspec.msgpack.Decoder(Accepted)
_batches = msgspec.msgpack.Decoder(Batch)
_setpoints = msgspec.msgpack.Decoder(Setpoint)
TROUBLES = (NatsPyError, OSError, TimeoutError)
"""What the library raises while a server is away."""


CLOSES_S = 5.0


@contextmanager
def ending() -> Iterator[None]:
    """Around what the library waits for. It takes a cancellation that comes together with a message for that message
    (`asyncio.wait_for` of Python 3.11), and whoever waits for the end of the task would wait for ever."""
    try:
        yield
    finally:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError


class Access(Struct, frozen=True, kw_only=True):
    """Where to connect, and as who."""

    servers: tuple[str, ...]
    user: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None


async def connect(access: Access, name: str, report: Callable[[str], None] = lambda text: None) -> Client:
    """Connect, and again for ever once it has succeeded. Raises `NatsError`."""

    refused, latest = asyncio.Event(), ""

    async def failed(error: Exception) -> None:
        nonlocal latest
        latest = str(error) or type(error).__name__
        report(f"NATS: {latest}")
        if REFUSED in latest.casefold():
            refused.set()

    credentials = {"user": access.user, "password": access.password} if access.user else {}
    connecting = asyncio.create_task(
        nats.connect(
            servers=list(access.servers), name=name, tls=access.tls, error_cb=failed, max_reconnect_attempts=-1,
            reconnect_time_wait=AGAIN_S, ping_interval=1, max_outstanding_pings=2, connect_timeout=2,
            inbox_prefix=f"_INBOX.{access.user or name}", pending_size=0, **credentials,
        )
    )  # fmt: skip
    refusal = asyncio.create_task(refused.wait())
    try:
        await asyncio.wait({connecting, refusal}, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            return connecting.result()
    except TROUBLES as error:
        latest = str(error) or type(error).__name__
    finally:
        refusal.cancel()
        if not connecting.done():
            connecting.cancel()
    shown = ", ".join(each.rpartition("@")[2] for each in access.servers)
    if refused.is_set():
        raise NatsError(f"{shown} refuse the user {access.user}; give the password that the servers' files have")
    raise NatsError(f"no NATS server answers at {shown}: {latest or 'no answer'}; start it, or set `servers`")


async def ensure_stream(client: Client, name: str, subject: str, replicas: int, full_b: int = FULL_B) -> None:
    """The stream as it must be, if it is not there yet. Raises `NatsError`."""
    js = client.jetstream(timeout=PATIENCE_S)
    config = StreamConfig(
        name=name, subjects=[subject], storage=StorageType.FILE, num_replicas=replicas, max_bytes=full_b,
        retention=RetentionPolicy.WORK_QUEUE, discard=DiscardPolicy.NEW, duplicate_window=120.0,
    )  # fmt: skip
    deadline_s, why = asyncio.get_running_loop().time() + CONNECT_S, ""
    while True:
        try:
            try:
                await js.stream_info(name)
            except NotFoundError:
                await js.add_stream(config)
            return
        except TROUBLES as error:
            why = getattr(error, "description", None) or str(error) or type(error).__name__
        if asyncio.get_running_loop().time() > deadline_s:
            room = f"{replicas} server{'s' * (replicas > 1)} with JetStream and {full_b >> 20} MiB of disk must run"
            raise NatsError(f"the stream {name} cannot be made ({why}); {room}")
        await asyncio.sleep(AGAIN_S)


class Hub:
    """The fleet's side."""

    def __init__(self, client: Client, replicas: int) -> None:
        self._client, self._replicas = client, replicas
        self._token = client.new_inbox().rpartition(".")[2]
        self._rank = (time.time(), self._token)
        self._reply = msgspec.msgpack.Encoder()
        self.trouble = ""
        """Why no entries can be taken or entered; empty while they can."""

    async def open(
        self,
        aggregated: Callable[[Aggregate], None],
        answered: Callable[[Accepted], None],
        asked: Callable[[str, bytes], bytes],
    ) -> None:
        """Hear everything. `asked`: a request or a measurement, by subject; returns the answer. Raises `NatsError`."""

        async def aggregate(message: Msg) -> None:
            with suppress(msgspec.MsgspecError):
                found = _aggregates.decode(message.data)
                if message.subject == f"fleet.aggregate.{found.depot}":  # whose it is, the server has checked
                    aggregated(found)

        async def answer(message: Msg) -> None:
            with suppress(msgspec.MsgspecError):
                found = _answers.decode(message.data)
                if message.subject == f"fleet.answer.{found.depot}.{self._token}":
                    answered(found)

        async def ask(message: Msg) -> None:
            text = asked(message.subject, message.data)
            if message.reply:
                await message.respond(text)

        client = self._client
        await client.subscribe("fleet.aggregate.*", cb=aggregate, pending_msgs_limit=100_000)
        await client.subscribe(f"fleet.answer.*.{self._token}", cb=answer, pending_msgs_limit=100_000)
        for subject in ("fleet.request.*", "fleet.withdraw.*", "fleet.measure.*"):
            await client.subscribe(subject, cb=ask)
        await ensure_stream(client, LEDGER, "fleet.ledger.*", self._replicas)

    async def claim(self, lost: Callable[[], None]) -> None:
        """Be the only process of this fleet: two would give away the same power, and share the entries between their
        ledgers. `lost` is called if a later one has taken over while this one was stopped or cut off. Raises
        `NatsError` if one is at work."""

        async def here(message: Msg) -> None:
            await message.respond(b"")

        async def mine(message: Msg) -> None:
            with suppress(msgspec.MsgspecError):
                if msgspec.msgpack.decode(message.data, type=tuple[float, str]) > self._rank:
                    lost()

        with suppress(*TROUBLES):
            await self._client.request("fleet.here", b"", timeout=HERE_S)
            raise NatsError(OTHER)
        await self._client.subscribe("fleet.here", cb=here)
        await self._client.subscribe("fleet.mine", cb=mine)

    @property
    def connected(self) -> bool:
        return bool(self._client.is_connected)

    async def announce(self) -> None:
        """That this process is at work; once a cycle."""
        with suppress(*TROUBLES):
            await self._client.publish("fleet.mine", self._reply.encode(self._rank))

    async def send(self, setpoints: Mapping[str, Setpoint]) -> None:
        """Ask each depot to take its set-point. Nothing is sent later: without a connection nothing is sent."""
        client = self._client
        for depot, setpoint in setpoints.items():
            if not client.is_connected:
                return
            with suppress(*TROUBLES):
                await client.publish(
                    f"fleet.setpoint.{depot}", self._reply.encode(setpoint), reply=f"fleet.answer.{depot}.{self._token}"
                )

    async def entries(self, enter: Callable[[Sequence[Batch]], Awaitable[int]], report: Callable[[str], None]) -> None:
        """For ever: take entries, enter them, and only then acknowledge them."""
        js, subscription = self._client.jetstream(timeout=PATIENCE_S), None
        config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, max_ack_pending=10_000)
        while True:
            try:
                if subscription is None:
                    subscription = await js.pull_subscribe(
                        "fleet.ledger.*", durable="database", stream=LEDGER, config=config
                    )
                with ending():
                    messages = await subscription.fetch(TOGETHER, timeout=PATIENCE_S)
                found = [(each.subject.rpartition(".")[2], _batch(each)) for each in messages]
                await enter([batch for _, batch in found if batch is not None])
                for depot in sorted({depot for depot, batch in found if batch is None}):
                    report(f"ledger: {depot} sends what is no entry of its own; it is left out; see its version")
                for each in messages:
                    await each.ack()
                self.trouble = ""
            except TimeoutError:  # there was nothing
                self.trouble = ""
            except Exception as error:  # a server or the database is away: what was not acknowledged comes again
                said, self.trouble = self.trouble, f"ledger: {str(error) or type(error).__name__}"
                if said != self.trouble:
                    report(self.trouble)
                await asyncio.sleep(AGAIN_S)
                subscription = None

    async def close(self) -> None:
        """Leave."""
        with suppress(*TROUBLES):
            async with asyncio.timeout(CLOSES_S):
                await self._client.close()


def _batch(message: Msg) -> Batch | None:
    """What a message holds; None if it is no batch of the depot that it came from."""
    try:
        batch = _batches.decode(message.data)
    except msgspec.MsgspecError:
        return None
    depot = message.subject.rpartition(".")[2]
    return batch if depot == batch.depot and all(each.depot == depot for each in batch.entries) else None


class Member:
    """A depot's side: to its own server (`outbox`), or to the hubs directly."""

    def __init__(self, client: Client, depot: str, *, outbox: bool) -> None:
        self._client, self._depot, self._outbox = client, depot, outbox
        self._js = client.jetstream(timeout=PATIENCE_S)

    async def open(self, take: Callable[[Setpoint], Accepted]) -> None:
        """Hear set-points. Raises `NatsError`."""

        async def setpoint(message: Msg) -> None:
            try:
                found = _setpoints.decode(message.data)
            except msgspec.MsgspecError:
                return
            accepted = take(found)
            if message.reply:
                await message.respond(msgspec.msgpack.encode(accepted))

        if self._outbox:
            await ensure_stream(self._client, OUTBOX, "outbox.ledger", 1, FULL_LEAF_B)
        await self._client.subscribe(f"fleet.setpoint.{self._depot}", cb=setpoint)

    async def publish(self, aggregate: Aggregate) -> None:
        """Once a second. Without a connection it is not sent."""
        if self._client.is_connected:
            with suppress(*TROUBLES):
                await self._client.publish(f"fleet.aggregate.{self._depot}", msgspec.msgpack.encode(aggregate))

    async def store(self, batch: Batch) -> bool:
        """Put entries where they are not lost; whether they are there now."""
        subject = "outbox.ledger" if self._outbox else f"fleet.ledger.{self._depot}"
        data = msgspec.msgpack.encode(batch)
        return await self._put(subject, data, f"{self._depot} {sha256(data).hexdigest()}")

    async def _put(self, subject: str, data: bytes, id: str) -> bool:
        try:
            with ending():
                await self._js.publish(subject, data, timeout=PATIENCE_S, headers={"Nats-Msg-Id": id})
        except TROUBLES:
            return False
        return True

    async def forward(self) -> None:
        """For ever: entries of the outbox to the fleet, each until it has them."""
        config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S)
        subscription = None
        while True:
            try:
                if subscription is None:
                    subscription = await self._js.pull_subscribe(
                        "outbox.ledger", durable="fleet", stream=OUTBOX, config=config
                    )
                with ending():
                    messages = await subscription.fetch(20, timeout=PATIENCE_S)
            except TimeoutError:
                continue
            except TROUBLES:
                subscription = None
                await asyncio.sleep(AGAIN_S)
                continue
            for each in messages:
                id = (each.headers or {}).get("Nats-Msg-Id", "")
                while not await self._put(f"fleet.ledger.{self._depot}", each.data, id):
                    with suppress(*TROUBLES):
                        await each.in_progress()
                    await asyncio.sleep(AGAIN_S)
                with suppress(*TROUBLES):
                    await each.ack()

    async def close(self) -> None:
        """Leave."""
        with suppress(*TROUBLES):
            async with asyncio.timeout(CLOSES_S):
                await self._client.close()


async def servers(client: Client, count: int) -> list[dict[str, Any]]:
    """What each server says of itself (`VARZ`), asked as a user of the system account. Raises `NatsError`."""
    inbox, found = client.new_inbox(), list[dict[str, Any]]()
    subscription = await client.subscribe(inbox)
    await client.publish("$SYS.REQ.SERVER.PING.VARZ", b"", reply=inbox)
    with suppress(*TROUBLES):
        while len(found) < count:
            message = await subscription.next_msg(timeout=2.0)
            found.append(msgspec.json.decode(message.data, type=dict[str, Any])["data"])
    await subscription.unsubscribe()
    return found
