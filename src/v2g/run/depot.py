"""The depot's process in local mode: the CSMS of its site, the controller's cycle, requests in, explanations out."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from v2g.console.codes import read_codes
from v2g.csms.gateway import Gateway
from v2g.depot import shown
from v2g.depot.capability import Margins
from v2g.depot.configuration import Configuration, Metrics
from v2g.depot.controller import Controller
from v2g.depot.controller import Settings as ControllerSettings
from v2g.depot.desk import Channel, Desk, read
from v2g.depot.dispatch import Dispatch
from v2g.depot.history import QUARTER_S, History, Record, span_of
from v2g.depot.ledger import Account, Decided
from v2g.depot.request import AnyRequest, limited
from v2g.depot.response import Dynamics
from v2g.depot.shown import Shown
from v2g.depot.surroundings import Surroundings
from v2g.depot.tree import Tree
from v2g.depot.view import Measurements, Needs, Site
from v2g.io import control, depot_postgres, http_interface
from v2g.io.depot_configuration import POSTGRES, tree_of
from v2g.io.depot_http import Api
from v2g.io.depot_ledger import SqliteLedger
from v2g.io.depot_mqtt import RequestsAtBroker, StationsAtBroker, keep
from v2g.io.depot_postgres import PostgresLedger
from v2g.io.depot_schedule import ScheduleFile
from v2g.io.pulse import Pulse
from v2g.io.station_server import StationServer
from v2g.io.steady_clock import SteadyClock
from v2g.kernel.errors import V2GError
from v2g.kernel.within import Within
from v2g.run import grid_languages, watched
from v2g.run.depot_access import door, gate
from v2g.run.depot_links import DepotLinks
from v2g.run.depot_own_link import DepotOwnLink
from v2g.run.depot_plan import DepotPlan
from v2g.run.depot_relay import DepotRelay
from v2g.run.depot_tally import Tally
from v2g.run.ledger_reader import LedgerReader

if TYPE_CHECKING:
    from v2g.run.depot_fleet import DepotInFleet

SOONEST_S, LOOK_S = 0.1, 0.5
"""Between two cycles, whatever happens; between two looks at whether one is due."""
KEEP_S = 1.0
"""After this time a decision is kept also if a station has not accepted its set-point yet."""
KEPT_S = 1.0
"""How long somebody who asks for something waits until it is on the disk."""
DECIDED_S = 60.0
"""A decision that stays as it is is kept again after this time at the earliest: the ledger is no log of each cycle."""
LATENCY_S = 0.3
"""From a decision until a station begins to follow, until it is measured: one in a local network."""
DECISIONS_KEPT_S = 31 * 86_400.0
CLOCK_S = 300.0
"""A difference to the machine's clock that a person should know of."""


class Status(Struct, frozen=True, tag_field="command", tag="status"):
    """`v2g depot status`."""


class Explain(Struct, frozen=True, tag_field="command", tag="explain"):
    """`v2g depot explain`."""

    of: str = ""
    """A vehicle or a charger; empty: all that have a vehicle."""


class Audit(Struct, frozen=True, tag_field="command", tag="audit"):
    """`v2g depot audit`."""

    from_unix_s: float
    until_unix_s: float
    of: str = ""
    """A vehicle or a charger; empty: all."""


class Regulate(Struct, frozen=True, tag_field="command", tag="regulate"):
    """`v2g depot prequalify`: a regulation signal that holds over what an EMS asks for. Answered as `Status` is."""

    by: str
    signal_pu: float
    """1 feeds all of the capacity into the grid."""
    capacity_w: float
    baseline_w: float
    for_s: float
    """It lapses after this time."""


class Withdraw(Struct, frozen=True, tag_field="command", tag="withdraw"):
    """The end of such a signal."""

    by: str


Commands = Status | Explain | Audit | Regulate | Withdraw


class DepotProcess:
    """One depot. `run` lasts until it is cancelled or `stop` is called."""

    MARGINS = Margins()
    """Of plan and controller."""

    def __init__(
        self, configuration: Configuration, ledger: SqliteLedger | PostgresLedger, report: Callable[[str], None]
    ) -> None:
        """`report` gets the lines of the log. Raises `V2GError` for what cannot be opened."""
        self.configuration, self._report = configuration, report
        self._clock = SteadyClock()
        self._news, self._ended = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.ledger = ledger
        ledger.wake = self._wake
        relayed = configuration.upstream is not None
        self.gateway = Gateway(configuration, self.ledger, utc_offset_s=utc_offset_s, relayed=relayed)
        self._relay = DepotRelay(self.gateway, configuration, self.now, report) if relayed else None
        self.desk = Desk(configuration.request, self.ledger)
        upstream = configuration.upstream
        own = upstream is not None and upstream.identity is not None
        self._own_link = DepotOwnLink(configuration, ByOcpp(self), self.now, report) if own else None
        self.margins = replace(self.MARGINS, soc_stale_s=float(configuration.silence.stale_s))
        dynamics = Dynamics(latency_s=LATENCY_S)
        usual = ControllerSettings(cycle_s=configuration.cycle_s, margins=self.margins, dynamics=dynamics)
        silent_s = max(usual.silent_s, 3.0 * configuration.silence.meter_s)
        self.controller = Controller(replace(usual, silent_s=silent_s))
        self._schedule = None if configuration.schedule is None else ScheduleFile(configuration.schedule)
        self._gate = gate(configuration.http)
        self.desk.own = self._gate.owned
        self.past = History()
        self._tree = tree_of(configuration)
        self._surroundings = Surroundings(self._tree.root.name, configuration.ambient_c)
        self._plan = DepotPlan(
            self._planned_tree(), configuration.plan, ledger, utc_offset_s, self.now, report, self.margins
        )
        self.links = DepotLinks(self.gateway, self._relay, ledger, self.now, report, self._try, self._news.set)
        """What stations speak with."""
        self._said: dict[str, tuple[str, float]] = {}
        """Binding of each charger as it was kept last, and when."""
        self.site = Site(tree=self._tree, chargers=self.gateway.chargers(self.now()))
        self.dispatch: Dispatch | None = None
        self._decided: tuple[Dispatch, Site, float, float] | None = None
        """What was decided, of what, when and in which time, as long as it has not been kept."""
        self.cycles, self._stepped_s = 0, float("-inf")
        self._tally = Tally()
        self._reader = LedgerReader(ledger)
        self._fleet = self._joined(report)
        self._trouble, self._rows = "", shown.Rows()

    def _joined(self, report: Callable[[str], None]) -> "DepotInFleet | None":
        """The fleet's side of this depot, if it is in one; only then `v2g[fleet]` is needed."""
        if self.configuration.member_of is None:
            return None
        from v2g.run.depot_fleet import DepotInFleet

        return DepotInFleet(self, self.configuration.member_of, report)

    def now(self) -> float:
        """Unix time that does not jump."""
        return self._clock.now()

    async def run(self, ready: Callable[[str], None] = lambda at: None) -> None:
        """Serve. `ready` gets the address where stations connect."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.stop)
        try:
            async with asyncio.TaskGroup() as tasks:
                work = [tasks.create_task(each) for each in self._work(ready)]
                await self._ended.wait()
                for each in work:
                    each.cancel()
        finally:
            if self._relay is not None:
                await self._relay.close()
            self._keep()
            self.ledger.commit()
            await self.ledger.close()

    def stop(self) -> None:
        """End in order: stations keep their set-points until these lapse, and fall to their safe value."""
        self._ended.set()

    def _work(self, ready: Callable[[str], None]) -> list[Any]:
        configuration = self.configuration
        host, _, port = configuration.connect.listen.rpartition(":")
        server = StationServer(self.links, door(configuration), self._report)

        def listening(at: str) -> None:
            self._report(f"stations connect at {at}")
            ready(at)

        def serving(at: str) -> None:
            self._report(f"the operator's page is at {at}")
            self._report(f"its REST interface is at {at}/api")

        http = configuration.http
        api = self._api({} if http.codes_file is None else read_codes(http.codes_file))
        brokers: list[Any] = []
        if configuration.connect.broker is not None:
            at_broker = StationsAtBroker(self.links, configuration.connect.broker, self._report)
            brokers.append(keep(at_broker.serve, self._report))
        if self._own_link is not None:
            brokers.append(self._own_link.serve())
        if configuration.requests is not None:
            asking = RequestsAtBroker(self, configuration.requests, self._report)
            brokers.append(keep(asking.serve, self._report))
        if self._fleet is not None:
            brokers.append(self._fleet.run())
        if configuration.metrics is not None:
            brokers.append(self._be_watched(configuration.metrics))
        return [
            *brokers,
            *grid_languages.spoken(self, configuration, self._report),
            server.serve(host.strip("[]"), int(port), listening),
            http_interface.serve_as(http, api, serving),
            self._cycle(),
            self._plan.serve(self.ledger.accounts),
            control.serve(
                configuration.control.socket, int(configuration.control.mode, 8), Commands, self._commanded
            ),
        ]  # fmt: skip

    def _planned_tree(self) -> Tree:
        return self._tree

    def _api(self, codes: Mapping[str, str]) -> Api:
        return Api(self, self._gate, codes)

    async def _be_watched(self, settings: Metrics) -> None:
        """Offer the numbers of the metrics, again if the address cannot be had: stations are served all the same."""
        try:
            from v2g.run import depot_metrics
        except ImportError as error:
            raise V2GError(watched.NEEDS) from error

        def seen() -> depot_metrics.Seen:
            stations = sum(each.online for each in self.gateway.stations.values())
            cycle_s, now = self.configuration.cycle_s, self.now()
            return depot_metrics.seen(self.site, self.dispatch, self._stepped_s, now, cycle_s, self.ledger, stations)

        def watch(pulse: Pulse) -> Awaitable[None]:
            return depot_metrics.watch(settings, seen, self._tally, self.gateway.latencies, pulse)

        await watched.offered(watch, self._report)

    # The cycle

    async def _cycle(self) -> None:
        while True:
            self._news.clear()
            self.gateway.urgent = False
            self._try(self.step)
            await asyncio.sleep(SOONEST_S)
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
                self._news.clear()
                if self._due():
                    break
                self._try(self._keep_soon)
            self._try(self._keep_soon)

    def _try(self, act: Callable[[], None]) -> None:
        """A failure is reported and ends nothing; set-points lapse if it lasts."""
        try:
            act()
        except Exception as error:
            self._complain(f"the controller failed: {error!r}")

    def _due(self) -> bool:
        """Whether the controller should decide again: its cycle is over, or something has happened."""
        try:
            return self.gateway.urgent or self.controller.due(self._seen(), self.now())
        except Exception:  # the step reports it
            return True

    def _seen(self) -> Site:
        """The site as it is now."""
        now = self.now()
        return Site(
            tree=self._tree,
            chargers=self.gateway.chargers(now),
            requests=self.desk.current(now),
            courses=self._plan.courses(now),
            meter=self._surroundings.meter,
            frequency_hz=self._surroundings.frequency_hz(now),
            ambient_c=self._surroundings.ambient_c(now),
            loads_w=self._surroundings.loads_w,
        )

    def step(self) -> None:
        """One cycle: look, decide, send."""
        self._keep()
        self._look_at_schedule()
        began_s = time.perf_counter()
        now, self.site = self.now(), self._seen()
        dispatch = self.dispatch = self.controller.step(self.site, now)
        took_s = time.perf_counter() - began_s
        self.cycles, self._stepped_s = self.cycles + 1, now
        self.gateway.want(dispatch.setpoints.powers_w, now, dispatch.setpoints.by_nodes(), self._within())
        if self._relay is not None:
            self.gateway.step(now, time.time())
        self.links.flush()
        if self._own_link is not None:
            own = self.desk.of(Channel.OCPP)  # the CSMS knows these
            self._own_link.limited(limited([each for each in self.site.requests if each not in own], now))
        self.ledger.commit()
        self._decided = dispatch, self.site, now, took_s
        self._complain(self.ledger.trouble or clock_trouble(self._clock.late_s))

    def _within(self) -> Mapping[str, Within]:
        """The times in which cars must have followed, by charger; of others as long as cars may take."""
        return {}

    def _look_at_schedule(self) -> None:
        if self._schedule is None:
            return
        try:
            found = self._schedule.news()
            if found is not None:
                self.desk.put(Channel.SCHEDULE, found, self.now())
        except V2GError as error:
            self._report(str(error))

    def _keep_soon(self) -> None:
        """Keep what was decided once the stations have their set-points: what people read later must not hold these up,
        nor wait for a station that does not answer."""
        now = self.now()
        if now - self._stepped_s > KEEP_S or not self.gateway.unacknowledged:
            self._keep()
        self.ledger.age(now, self.configuration.ledger_days)
        self.ledger.commit()

    def _keep(self) -> None:
        """Keep what was decided last, and let the plan look at it."""
        if self._decided is None:
            return
        (dispatch, site, now, took_s), self._decided = self._decided, None
        self._tally.see(dispatch, now, took_s)
        for record in self.past.see(now, site.chargers, dispatch, site.frequency_hz):
            self.ledger.record(record)
            if record.span_s == QUARTER_S:
                self.ledger.forget_decisions(now - DECISIONS_KEPT_S)
        self._plan.look(site, now)
        for id, bound in dispatch.setpoints.bindings():
            charger, binding = site.chargers[id], str(bound)
            before, kept_s = self._said.get(id, ("", float("-inf")))
            if charger.vehicle is None or (binding == before and now - kept_s < DECIDED_S):
                continue
            self._said[id] = binding, now
            vehicle, setpoint = charger.vehicle.id or "", dispatch.setpoints[id]
            self.ledger.decided(Decided(now, id, vehicle, setpoint.power_w, binding, setpoint.why))
        self.ledger.commit()

    def _complain(self, text: str) -> None:
        """The same trouble is reported once."""
        if text != self._trouble:
            self._trouble = text
            if text:
                self._report(text)

    # Requests in, explanations out

    def requests(self) -> list[Any]:
        """What is asked of the site; the request that holds first."""
        return list(self.desk.current(self.now()))

    def request(self, by: str, document: dict[str, Any], channel: Channel = Channel.HTTP) -> None:
        """Somebody asks the site for something. Raises `V2GError` with the reason if it cannot be taken."""
        self.put(channel, read(document, by, self.now()))

    def put(self, channel: Channel, request: AnyRequest) -> None:
        """Take a request."""
        self.desk.put(channel, request, self.now())
        self.ledger.commit()
        self._news.set()

    async def why_not_kept(self) -> str | None:
        """Why what was asked is not on the disk yet; None if it is."""
        return None if await self.ledger.flushed(KEPT_S) else self.ledger.trouble or "the disk does not answer"

    def request_by_mqtt(self, by: str, document: dict[str, Any]) -> None:
        """The same, over a broker."""
        self.request(by, document, Channel.MQTT)

    def withdraw_by_mqtt(self, by: str) -> bool:
        """Forget a request that came over a broker."""
        return self.withdraw(by, Channel.MQTT)

    def withdraw(self, by: str, channel: Channel = Channel.HTTP) -> bool:
        """Forget a request; whether there was one."""
        found = self.desk.withdraw(channel, by)
        self.ledger.commit()
        self._news.set()
        return found

    def measured(self, measurements: Measurements) -> None:
        """What is measured at the site."""
        self._surroundings.take(measurements, self.now())
        self._news.set()

    def need(self, charger: str, needs: Needs | None) -> None:
        """A driver states needs. Raises `V2GError`."""
        self.gateway.need(charger, needs)
        self.ledger.commit()
        self._news.set()

    def visit(self, charger: str) -> str | None:
        """The transaction there; None if no vehicle is there."""
        return self.gateway.visit(charger)

    def driver_view(self, charger: str) -> Shown:
        """What the driver of the vehicle there may see."""
        now = self.now()
        found = self.gateway.chargers(now).get(charger)
        if found is None:
            raise V2GError(f"{charger} is not in the depot's configuration any more; ask the operator for another code")
        setpoint = None if self.dispatch is None else self.dispatch.setpoints.get(charger)
        stated = self.gateway.stated(charger, now)
        return {"depot": self.configuration.name} | shown.driver_of(found, setpoint, stated, now)

    def pause(self, charger: str, paused: bool) -> None:
        """Let no energy flow, or let it flow again. Raises `V2GError`."""
        self.gateway.pause(charger, paused)
        self.ledger.commit()
        self._news.set()

    def end(self, charger: str) -> None:
        """End a transaction. Raises `V2GError`."""
        self.gateway.stop(charger)
        self._news.set()

    async def accounts(self, from_s: float, until_s: float) -> list[Account]:
        """Transactions with their energies. Raises `V2GError`."""
        return await self._reader.accounts(from_s, until_s)

    async def decisions(self, from_s: float, until_s: float, charger: str = "") -> list[Decided]:
        """What was decided, and why. Raises `V2GError` if that is too much."""
        self._keep()
        return await self._reader.decisions(from_s, until_s, charger)

    async def history(self, from_s: float, until_s: float) -> list[Record]:
        """What the site has done in a time, coarser the longer that is."""
        self._keep()
        span_s = span_of(from_s, until_s)
        if span_s == 0:
            return self.past.recent(from_s, until_s)
        return await self.ledger.history(span_s, from_s, until_s)

    def curve(self, charger: str) -> tuple[list[float], list[float | None]]:
        """A charger's power of the last day: times and means of minutes. Raises `V2GError`."""
        if charger not in self.site.chargers:
            raise V2GError(f"there is no charger {charger}; GET /api/chargers lists them")
        return self.past.curve(charger, self.now())

    def explained(self, of: str = "") -> dict[str, list[str]]:
        """Why each charger has its power; of one charger or vehicle, or of all that have a vehicle. Raises
        `V2GError`."""
        now, wanted = self.now(), of.casefold()
        found = {}
        for id, charger in self.site.chargers.items():
            name = "" if charger.vehicle is None else (charger.vehicle.id or "")
            if wanted in (id.casefold(), name.casefold()) if wanted else charger.vehicle is not None:
                setpoint = None if self.dispatch is None else self.dispatch.setpoints.get(id)
                found[id] = shown.explained(charger, setpoint, self.gateway.evses[id].steered.refusal, now)
        if of and not found:
            raise V2GError(f"there is neither a charger nor a vehicle {of} here; `v2g depot status` lists them")
        return found

    def charger(self, id: str) -> Shown | None:
        """One charger; None if there is none."""
        charger = self.site.chargers.get(id)
        if charger is None:
            return None
        setpoint = None if self.dispatch is None else self.dispatch.setpoints.get(id)
        steered = self.gateway.evses[id].steered
        return shown.charger_of(charger, setpoint, self.now()) | {
            "accepted_w": steered.accepted_w,
            "refusal": steered.refusal or None,
            "why": None if setpoint is None else setpoint.why,
        }

    def status(self) -> Shown:
        """The site in few numbers."""
        return (
            {"name": self.configuration.name}
            | shown.site_of(self.site, self.dispatch, self.now())
            | {
                "cycles": self.cycles,
                "unacknowledged": len(self.gateway.unacknowledged),
                "acknowledged": self.gateway.acknowledged[0],
                "acknowledged_s": round(self.gateway.acknowledged[1], 3),
                "trouble": self._trouble or None,
            }
        )

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """A row for each charger, by `shown.COLUMNS`."""
        setpoints = {} if self.dispatch is None else self.dispatch.setpoints
        return self._rows.of(self.site.chargers, setpoints)

    def _commanded(self, command: Any) -> Any:
        match command:
            case Status():
                return self.status() | {"columns": shown.COLUMNS, "rows": list(self.rows().values())}
            case Explain(of):
                return self.explained(of)
            case Audit(from_unix_s, until_unix_s, of):
                self._keep()
                return self._reader.audited(from_unix_s, until_unix_s, of.casefold())
            case Regulate(by):
                if others := [each.by for each in self.desk.of(Channel.OPERATOR) if each.by != by]:
                    raise V2GError(f"{others[0]} is under way; try again once it is over")
                now = self.now()
                if bound := self.desk.bound_by(now, self._surroundings.frequency_hz(now)):
                    self.withdraw(by, Channel.OPERATOR)
                    raise V2GError(f"{bound[0]} asks for a power, and a test does not run against that; try again once "
                                   "that is over (`v2g depot explain` says when nobody asks)")  # fmt: skip
                fields = {name: getattr(command, name) for name in ("signal_pu", "capacity_w", "baseline_w", "for_s")}
                self.request(by, {"type": "regulation"} | fields, Channel.OPERATOR)
                return self.status()
            case Withdraw(by):
                return self.withdraw(by, Channel.OPERATOR)
        raise V2GError("there is no such command")

    def _wake(self) -> None:
        """The ledger has written, in whichever thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.links.committed)


class ByOcpp:
    """What the CSMS asks of the site itself (`v2g.csms.own_profiles.Requests`)."""

    def __init__(self, depot: DepotProcess) -> None:
        self._depot = depot

    def put(self, request: AnyRequest) -> None:
        """Take a request. Raises `V2GError`."""
        self._depot.put(Channel.OCPP, request)

    def withdraw(self, by: str) -> None:
        """Forget it."""
        self._depot.withdraw(by, Channel.OCPP)

    def held(self) -> list[AnyRequest]:
        """What holds so far."""
        return self._depot.desk.of(Channel.OCPP)


def utc_offset_s(unix_s: float) -> float:
    """Of this machine's local time."""
    return time.localtime(unix_s).tm_gmtoff


def clock_trouble(late_s: float) -> str:
    """What a person has to do about a clock that was set while the depot ran; empty if nothing."""
    if abs(late_s) <= CLOCK_S:
        return ""
    return (
        f"the machine's clock was set by more than {CLOCK_S:.0f} s while the depot ran, which follows by 1 % only: "
        "departures, schedules and prices are off by that; restart the depot"
    )


async def open_ledger(place: str) -> SqliteLedger | PostgresLedger:
    """A file, or `postgresql://...`. Raises `LedgerError`."""
    if place.startswith(POSTGRES):
        return await depot_postgres.open_ledger(place)
    return SqliteLedger(Path(place))


__all__ = ["Audit", "DepotProcess", "Explain", "Status", "open_ledger"]
