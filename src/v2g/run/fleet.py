"""The fleet's process: hears depots, splits what is asked, sends set-points, enters what was delivered."""

import asyncio
import json
import signal
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.desk import Channel, Desk, read
from v2g.fleet import shown
from v2g.fleet.configuration import FleetConfiguration, places_of, tree_of
from v2g.fleet.controller import Controller, Dispatch, Settings, Trouble
from v2g.fleet.ledger import Act
from v2g.fleet.view import Accepted, Aggregate, Batch, DepotState, Setpoint, strange
from v2g.io import control, fleet_nats, fleet_postgres
from v2g.io.depot_configuration import POSTGRES
from v2g.io.fleet_ledger import SqliteFleetLedger, SqliteFleetReader, has_place
from v2g.io.fleet_postgres import PostgresFleetLedger, PostgresFleetReader
from v2g.io.nats_server import NatsError
from v2g.io.steady_clock import SteadyClock
from v2g.kernel.distribution import Distribution
from v2g.kernel.errors import V2GError
from v2g.kernel.sparing import Sparing
from v2g.run import watched

FREQUENCY_S = 5.0
"""A measurement of the frequency that is older is none."""
BEGINS_S = 10.0
"""After the start: depots that are not heard of yet are not reported."""
TWICE_S = 30.0
"""After two processes with one name have been heard: until one is believed again."""
LOOKS = 10
"""Aggregates that the clock of a depot is judged by."""
CLOCK = "clock"
"""Kind of what is kept of depots whose clock is off."""
COURSE_S, COURSE_LENGTH = 2.0, 1800
"""Between two points of the course that is shown, and how many there are: an hour."""


class Status(Struct, frozen=True, tag_field="command", tag="status"):
    """`v2g fleet status` and `v2g fleet depots`."""


class Ask(Struct, frozen=True, tag_field="command", tag="ask"):
    """`v2g fleet request`."""

    by: str
    document: dict[str, Any]


class Withdraw(Struct, frozen=True, tag_field="command", tag="withdraw"):
    """`v2g fleet withdraw`."""

    by: str


Commands = Status | Ask | Withdraw


class Sends(Protocol):
    """What takes set-points to depots."""

    async def send(self, setpoints: Mapping[str, Setpoint]) -> None: ...


class Twins:
    """Whether two processes report themselves as one depot: each would follow the set-point of both."""

    def __init__(self) -> None:
        self._now = self._before = 0
        self._until_s = -inf

    def seen(self, process: int, now: float) -> bool:
        """Whether there are, or were until lately, two. A restart brings a process that was not there before."""
        if process and process != self._now:
            if process == self._before:
                self._until_s = now + TWICE_S
            self._before, self._now = self._now, process
        return now < self._until_s


class Ahead:
    """By how much a depot's clock is ahead. An aggregate that was long on its way only seems late."""

    def __init__(self) -> None:
        self._seen = deque[float](maxlen=LOOKS)

    def seen(self, unix_s: float, now: float) -> float:
        """An aggregate of this time by the depot's clock has come. Seconds."""
        self._seen.append(unix_s - now)
        return max(self._seen)


class FleetProcess:
    """One fleet. `run` lasts until it is cancelled or `stop` is called."""

    def __init__(
        self,
        configuration: FleetConfiguration,
        ledger: SqliteFleetLedger | PostgresFleetLedger,
        access: fleet_nats.Access,
        report: Callable[[str], None],
        clock: Callable[[], float] | None = None,
        *,
        embedded: bool = False,
    ) -> None:
        """`report` gets the lines of the log. `clock`: Unix time that does not jump, if it is not this machine's.
        `embedded`: whether the servers are of this process too."""
        self.configuration, self.ledger, self._access, self._report = configuration, ledger, access, report
        self._clock = clock or SteadyClock().now
        self._began_s, self._embedded = self._clock(), embedded
        self._news, self._ended = asyncio.Event(), asyncio.Event()
        self._lost = False
        """Whether a later process of this fleet is at work."""
        places = places_of(configuration)
        settings = Settings(validity_s=configuration.validity_s, renew_s=configuration.validity_s / 3.0)
        self.controller = Controller(tree_of(configuration), places, settings)
        self.states = {each.id: DepotState(place=each) for each in places}
        self.desk = Desk(configuration.request, ledger)
        self.dispatch: Dispatch | None = None
        self._frequency: tuple[float, float] | None = None
        self._hub: fleet_nats.Hub | None = None
        self._said: frozenset[tuple[str, str]] = frozenset()
        self._twins = {each: Twins() for each in self.states}
        self._ahead = {each: Ahead() for each in self.states}
        self._clock_s = {key: _number(value) for (kind, key), value in ledger.kept.items() if kind == CLOCK}
        """Of depots whose clock is off, by how much it is ahead: also of one that has not been heard of yet."""
        self._trouble, self._report_once = "", Sparing(report, self.now)
        self.entered = 0
        """Entries that were new."""
        self.heard = 0
        """Aggregates."""
        self._round: tuple[int, float, set[str]] = (0, 0.0, set())
        self._pages = {each.id: each.page for each in configuration.depots}
        self._course: deque[tuple[float, float | None, float]] = deque(maxlen=COURSE_LENGTH)
        self.acknowledged_s: float | None = None
        """From the latest decision that asked depots and was accepted by all of them, until it was."""
        self._acknowledged, self._cycles = Distribution(), Distribution()

    def now(self) -> float:
        """Unix time that does not jump."""
        return self._clock()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve. `ready` is called once depots and requests are heard. Raises `V2GError`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, self.stop)
        settings = self.configuration.control
        try:
            client = await fleet_nats.connect(self._access, "fleet", self._complain)
            hub = self._hub = fleet_nats.Hub(client, self.configuration.servers.replicas)
            await hub.claim(self._taken_over)
            await hub.open(self.aggregated, self.answered, self.asked)
            self._report(f"fleet {self.configuration.fleet}: {len(self.states)} depots may join")
            faces = [*self._page(), *self._watched()]  # what is wrong with their files is said before anything begins
            async with asyncio.TaskGroup() as tasks:
                work = [
                    tasks.create_task(each)
                    for each in (
                        self._cycle(hub),
                        hub.entries(self.enter, self._report),
                        control.serve(settings.socket, int(settings.mode, 8), Commands, self._commanded),
                        *faces,
                    )
                ]
                ready()
                await self._ended.wait()
                for each in work:
                    each.cancel()
            if self._lost:
                raise NatsError(fleet_nats.OTHER)
        finally:
            if self._hub is not None:
                await self._hub.close()
            await self.ledger.close()

    def _taken_over(self) -> None:
        self._lost = True
        self._ended.set()

    def stop(self) -> None:
        """End in order: depots keep their set-points until these lapse, and follow their own plans then."""
        self._ended.set()

    def _page(self) -> list[Coroutine[Any, Any, None]]:
        """The page and its REST interface, if the configuration has them."""
        http = self.configuration.http
        if http is None:
            return []
        from v2g.io import fleet_http, http_interface  # a fleet without a page needs no server for it
        from v2g.run.depot_access import gate

        stands = gate(http, [each.name for each in self.configuration.people])
        self.desk.own = stands.owned
        api = fleet_http.FleetApi(self, stands)
        return [http_interface.serve_as(http, api, lambda at: self._report(f"the fleet's page is at {at}"))]

    def _watched(self) -> list[Coroutine[Any, Any, None]]:
        """Numbers for Prometheus, if the configuration asks for them."""
        settings = self.configuration.metrics
        if settings is None:
            return []
        try:
            from v2g.run import fleet_metrics
        except ImportError as error:
            raise V2GError(watched.NEEDS) from error

        def seen() -> fleet_metrics.Seen:
            hub, now = self._hub, self.now()
            words = [shown.state_of(each, self.controller.settings, now) for each in self.states.values()]
            return fleet_metrics.Seen(
                self.dispatch, words, self.frequency_hz(now), hub is not None and hub.connected,
                "" if hub is None else hub.trouble, self.heard, self.entered, self._acknowledged, self._cycles,
            )  # fmt: skip

        return [watched.offered(lambda pulse: fleet_metrics.watch(settings, seen, pulse), self._report)]

    # What depots say

    def aggregated(self, aggregate: Aggregate) -> None:
        """A depot in few numbers."""
        state = self.states.get(aggregate.depot)
        if state is None:
            return
        if name := strange(aggregate):
            self._complain(f"{aggregate.depot} states an impossible {name}; it counts as not heard of; "
                           "see its meters and its version")  # fmt: skip
            return
        if self._twins[aggregate.depot].seen(aggregate.process, self.now()):
            self._complain(f"two depots join as {aggregate.depot}; it counts as not heard of; give one of them another "
                           "name (member_of.depot) and its password")  # fmt: skip
            return
        self.heard += 1
        if state.aggregate is None:
            self._news.set()
        clock_s = self._ahead[aggregate.depot].seen(aggregate.unix_s, self.now())
        state = replace(state, aggregate=aggregate, heard_unix_s=self.now(), clock_s=clock_s)
        self.states[aggregate.depot] = state
        self._note_clock(state)

    def _note_clock(self, state: DepotState) -> None:
        """For entries that come from it, also after a restart."""
        before_s = self._clock_s.get(state.id)
        if not state.clock_is_off():
            if before_s is not None:
                del self._clock_s[state.id]
                self.ledger.put(CLOCK, state.id, None)
        elif before_s is None or abs(state.clock_s - before_s) > 1.0:
            self._clock_s[state.id] = state.clock_s
            self.ledger.put(CLOCK, state.id, msgspec.msgpack.encode(state.clock_s))

    def answered(self, accepted: Accepted) -> None:
        """A depot has taken its set-point, or not."""
        state = self.states.get(accepted.depot)
        found = () if state is None else [each for each in state.pending if each.number == accepted.number]
        if state is None or not found:
            return
        pending = tuple(each for each in state.pending if each.number > accepted.number)
        if accepted.taken:
            state = replace(state, accepted=found[0], pending=pending, refusal="")
        else:
            state = replace(state, pending=tuple(each for each in state.pending if each.number != accepted.number),
                            refusal=accepted.why_not)  # fmt: skip
        self.states[accepted.depot] = state
        number, began_s, missing = self._round
        if accepted.number == number and accepted.depot in missing:
            missing.discard(accepted.depot)
            if not missing:
                self.acknowledged_s = time.perf_counter() - began_s
                self._acknowledged.add(self.acknowledged_s)
                if self.dispatch is not None and self.dispatch.waiting:
                    self._news.set()

    async def enter(self, batches: Sequence[Batch]) -> int:
        batches = [_stamped(each, self._clock_s.get(each.depot, 0.0)) for each in batches]
        count = await self.ledger.enter(batches)  # also of depots that have left the fleet since then
        await self._older(batches)
        entries = [each for batch in batches for each in batch.entries]
        for entry in (each for each in entries if each != each.credible()):
            self._complain(f"ledger: an entry of {entry.depot} states an impossible energy or time; it is entered with "
                           "0 instead; see the depot's meters and clock")  # fmt: skip
        for entry in (each for each in entries if not has_place(each)):
            self._complain(f"ledger: an entry of {entry.depot} has a sequence that cannot be, and is left out; see its "
                           "version and its books")  # fmt: skip
        self.entered += count
        return count

    async def _older(self, batches: Sequence[Batch]) -> None:
        """Report depots whose books were restored from a backup: what they book of before then is entered already."""
        for batch in batches:
            carried = [each for each in batch.entries if each.carried]
            if carried and await self.ledger.older(carried):
                text = (f"ledger: {batch.depot} books again what is entered already, as its own ledger was restored "
                        "from a backup; it counts once; see what else is lost there")  # fmt: skip
                self._complain(text)
                self.ledger.act(Act(self.now(), "fleet", text))

    # What is asked of the fleet

    def asked(self, subject: str, data: bytes) -> bytes:
        """A request or a measurement that came over the servers; returns the answer."""
        _, kind, user = subject.split(".")
        try:
            document = msgspec.json.decode(data or b"{}", type=dict[str, Any])
            document.pop("by", None)  # it is in the name of whoever may write to this subject
            match kind:
                case "measure":
                    self.measure(document)
                case "withdraw":
                    self.withdraw(user)
                case _:
                    self.request(user, document)
        except (msgspec.MsgspecError, RecursionError) as error:
            return json.dumps({"error": f"send a JSON object; {error}"}).encode()
        except V2GError as error:
            return json.dumps({"error": str(error)}).encode()
        return b'{"result": "taken"}'

    def measure(self, document: dict[str, Any]) -> None:
        """The grid's frequency: `{"frequency_hz": 49.98}`. Raises `V2GError`."""
        value = document.get("frequency_hz")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 10.0 <= value <= 100.0:
            raise V2GError("frequency_hz: must be a number from 10 to 100")
        self._frequency = float(value), self.now()
        self._news.set()

    def request(self, by: str, document: dict[str, Any], channel: Channel = Channel.HTTP) -> None:
        """Somebody asks the fleet for something. Raises `V2GError` with the reason if it cannot be taken."""
        now = self.now()
        self.desk.put(channel, read(document, by, now), now)
        self.ledger.act(Act(now, by, f"asks {json.dumps(document)}"))
        self._news.set()

    def withdraw(self, by: str, channels: Iterable[Channel] = (Channel.HTTP,)) -> bool:
        """Forget a request; whether there was one."""
        found = [each for each in channels if self.desk.withdraw(each, by)]
        if found:
            self.ledger.act(Act(self.now(), by, "withdraws its request"))
        self._news.set()
        return bool(found)

    def frequency_hz(self, now: float) -> float | None:
        """As it was measured lately; None if nobody measures it."""
        if self._frequency is None or now - self._frequency[1] > FREQUENCY_S:
            return None
        return self._frequency[0]

    # The cycle

    async def _cycle(self, hub: fleet_nats.Hub) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.configuration.cycle_s):
                    await self._news.wait()
            self._news.clear()
            began_s = time.perf_counter()
            try:
                dispatch = self.step()
            except Exception as error:  # set-points lapse if it lasts
                self._complain(f"the controller failed: {error!r}")
                continue
            self._cycles.add(time.perf_counter() - began_s)
            if hub.connected and not self._lost:
                await hub.announce()
                await self.send(hub, dispatch)
            await asyncio.sleep(self.controller.settings.least_s)

    async def send(self, hub: Sends, dispatch: Dispatch) -> None:
        """The set-points of a step to the depots."""
        if not dispatch.send:
            return
        began_s = time.perf_counter()
        self._round = next(iter(dispatch.send.values())).number, began_s, set(dispatch.send)
        for id, setpoint in dispatch.send.items():  # from now on they may have taken it, whatever is heard of them
            state = self.states[id]
            self.states[id] = replace(state, pending=(*state.pending, setpoint))
        await hub.send(dispatch.send)

    def step(self) -> Dispatch:
        """One cycle: look and decide."""
        now = self.now()
        for id, state in self.states.items():
            if state.pending and state.pending[0].until_unix_s <= now:
                pending = tuple(each for each in state.pending if each.until_unix_s > now)
                self.states[id] = replace(state, pending=pending)
        dispatch = self.controller.step(self.states, self.desk.current(now), now, self.frequency_hz(now))
        self.dispatch = dispatch
        if not self._course or now - self._course[-1][0] >= COURSE_S:
            self._course.append((now, dispatch.requested_w, dispatch.delivered_w))
        begins = now - self._began_s < BEGINS_S
        notices = [each for each in dispatch.notices if not (begins and each.trouble is Trouble.AWAY)]
        said = frozenset((str(each.trouble), each.about) for each in notices)
        for notice in notices:
            if (str(notice.trouble), notice.about) not in self._said:
                self._report(f"{notice.trouble} {notice.text}")
                self.ledger.act(Act(now, "fleet", f"{notice.trouble} {notice.text}"))
        for code, about in self._said - said:
            self.ledger.act(Act(now, "fleet", f"{code} {about}: over"))
        self._said = said
        return dispatch

    def _complain(self, text: str) -> None:
        """The same trouble is reported once, however many others come between."""
        self._trouble = text
        self._report_once(text)

    # What is shown

    def status(self) -> dict[str, Any]:
        """The fleet in few numbers."""
        now, dispatch = self.now(), self.dispatch
        numbers = {} if dispatch is None else {
            name: getattr(dispatch, name)
            for name in ("requested_w", "requested_by", "commanded_w", "expected_w", "delivered_w", "least_w", "most_w",
                         "short_w", "heard")
        }  # fmt: skip
        notices = () if dispatch is None else dispatch.notices
        return {
            "name": self.configuration.fleet,
            "unix_s": now,
            "connected": self._hub is not None and self._hub.connected,
            "embedded": self._embedded,
            **numbers,
            "depots": len(self.states),
            "frequency_hz": self.frequency_hz(now),
            "entries": self.entered,
            "aggregates": self.heard,
            "acknowledged_s": None if self.acknowledged_s is None else round(self.acknowledged_s, 3),
            "notices": [{"code": str(each.trouble), "about": each.about, "text": each.text} for each in notices],
            "trouble": self._trouble or None,
        }

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """A row for each depot, by `shown.COLUMNS`."""
        now, settings = self.now(), self.controller.settings
        return {id: shown.row_of(each, self.dispatch, settings, now) for id, each in self.states.items()}

    def depot(self, id: str) -> dict[str, Any] | None:
        """All that is known of one depot, and where its own page is; None if there is none of this name."""
        state = self.states.get(id)
        if state is None:
            return None
        found = shown.depot_of(state, self.dispatch, self.controller.settings, self.now())
        return found | {"page": self._pages.get(id)}

    def requests(self) -> list[Any]:
        """What is asked of the fleet; the request that holds first."""
        return list(self.desk.current(self.now()))

    async def why_not_kept(self) -> str | None:
        """Requests are renewed by who asks; None."""
        return None

    def course(self) -> dict[str, list[float | None]]:
        """What was asked for and what was delivered in the last hour, as columns."""
        at_s, requested_w, delivered_w = zip(*self._course, strict=True) if self._course else ((), (), ())
        return {"at_s": list(at_s), "requested_w": list(requested_w), "delivered_w": list(delivered_w)}

    async def _commanded(self, command: Any) -> Any:
        match command:
            case Status():
                return self.status() | {"columns": shown.COLUMNS, "rows": list(self.rows().values())}
            case Ask(by, document):
                self.request(by, dict(document), Channel.OPERATOR)
                return {"asked": by}
            case Withdraw(by):
                if not self.withdraw(by, (Channel.OPERATOR, Channel.HTTP)):  # who administers the machine may
                    raise V2GError(f"{by} has asked for nothing")
                return {"withdrawn": by}
        raise V2GError("there is no such command")


def _number(value: bytes) -> float:
    try:
        return msgspec.msgpack.decode(value, type=float)
    except msgspec.MsgspecError:
        return 0.0


def _stamped(batch: Batch, clock_s: float) -> Batch:
    """The same with the depot's clock as the fleet sees it, whatever the depot states."""
    if all(each.clock_s == clock_s for each in batch.entries):
        return batch
    return Batch(batch.depot, tuple(replace(each, clock_s=clock_s) for each in batch.entries))


async def open_ledger(place: str) -> SqliteFleetLedger | PostgresFleetLedger:
    """A file, or `postgresql://...`. Raises `LedgerError`."""
    if place.startswith(POSTGRES):
        return await fleet_postgres.open_ledger(place)
    return SqliteFleetLedger(Path(place))


async def open_reader(place: str) -> SqliteFleetReader | PostgresFleetReader:
    """The same to read, also while a fleet has it open. Raises `LedgerError`."""
    if place.startswith(POSTGRES):
        return await fleet_postgres.open_reader(place)
    return SqliteFleetReader(Path(place))


__all__ = ["Ask", "FleetProcess", "Status", "Withdraw", "open_ledger", "open_reader"]
