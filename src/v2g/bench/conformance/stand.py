"""The station of this project as the station under test: EVSEs and cars on a virtual clock, real frames."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from v2g.bench.conformance.tester import Tester
from v2g.bench.sim.world import IDLE_STEP_S, NOWHERE, SOUND, START_UNIX_S, STEP_S, Grid, World
from v2g.iso15118.contract import Payment
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits, Stop
from v2g.ocpp import v21
from v2g.ocpp.base import convert
from v2g.ocpp.store import Memory
from v2g.ocpp.version import Subprotocol, version
from v2g.pki.profile import Role
from v2g.station.access import ListAuthorizer
from v2g.station.back_end.authorization import Authorization
from v2g.station.back_end.authorizer import BackEndAuthorizer
from v2g.station.back_end.blocks import BLOCKS
from v2g.station.back_end.card import Card
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.contracts import BackEndContracts
from v2g.station.back_end.external import External, Values
from v2g.station.back_end.files import Files, Install, Publish, Upload
from v2g.station.back_end.requests import HANDLERS
from v2g.station.config.settings import Access, EvseSettings, GridCodeSettings, Pilot

FILE_S = 2.0
"""What a transfer takes."""
LOOK_S = 0.1
"""Between looks at the station, as the process takes them."""
REBOOT_S = 2.0
BUSY_STEP_S = 0.02
"""While a car talks: as often as the process reads the grid."""
SETTINGS = EvseSettings(
    services=("DC_BPT", "DC"),
    access=Access(grant="everyone", discharge=True, bench_discharge=True, unproved=True),
    inverter=NOWHERE,
    contactor=NOWHERE,
    meter=NOWHERE,
    isolation=NOWHERE,
    grid=NOWHERE,
    pilot=Pilot(device=NOWHERE),
    grid_code=GridCodeSettings(
        name="ieee1547-cat3", settings={"enter_service.delay_s": 0.0, "enter_service.ramp_s": 0.0}
    ),
)
CAR = Limits(charge_w=11_000, discharge_w=10_000, charge_a=30, discharge_a=20, voltage_min_v=300, voltage_max_v=460)


@dataclass
class _Place:
    """One EVSE in its world."""

    world: World
    authorizer: BackEndAuthorizer


class Stand:
    """`v2g.bench.conformance.tester.Link` to a station in memory."""

    def __init__(
        self,
        subprotocol: Subprotocol = "ocpp2.1",
        evses: int = 1,
        store: Memory | None = None,
        *,
        contracts: bool = False,
    ) -> None:
        """`contracts`: cars may pay by one."""
        self.subprotocol: Subprotocol = subprotocol
        self._contracts = BackEndContracts() if contracts else None
        self.store = store or Memory()
        self.files: dict[str, bytes] = {}
        self._places = {id: self._place(id) for id in range(1, evses + 1)}
        self._linked = True
        self._looked_s = self._file_s = 0.0
        self._start()

    def _place(self, id: int) -> _Place:
        settings = structs.replace(SETTINGS, id=id, evse_id=f"DE*V2G*E{id:07}")
        authorizer = BackEndAuthorizer(ListAuthorizer(settings.access), asks=True, unproved=True)
        intent = Intent("NOBODY", Service.DC_BPT, ControlMode.DYNAMIC, CAR, duration_s=100_000.0)
        if self._contracts is None:
            return _Place(World(settings, intent, authorizer=authorizer, soc=0.5), authorizer)
        from v2g.bench.conformance.secc_contracts import hierarchy

        payment = Payment(contracts=self._contracts.over(hierarchy(START_UNIX_S).trusts(Role.CONTRACT)))
        world = World(settings, intent, authorizer=authorizer, soc=0.5, payment=payment, peer=bytes(64))
        return _Place(world, authorizer)

    def _start(self) -> None:
        self.station = ChargingStation(
            Card("Acme", "Box", "1.0", "S1"),
            {id: place.world.evse for id, place in self._places.items()},
            {id: place.authorizer for id, place in self._places.items()},
            self.store,
            HANDLERS,
            blocks=BLOCKS,
        )
        if self._contracts is not None:
            self._contracts.station = self.station
            self.station.block(Authorization).statuses = self._contracts.statuses
        if self._linked:
            self.station.connected(version(self.subprotocol), self.now())

    def boot(self, tester: Tester) -> None:
        tester.await_("BootNotification", 120.0)
        for evse in tester.evses:
            tester.await_("StatusNotification", 60.0, evseId=evse)
        tester.run(1.0)
        tester.mark()

    # Time

    def now(self) -> float:
        return self._places[1].world.now

    def unix_s(self) -> float:
        return float(self._places[1].world.unix_s)

    def run(self, tester: Tester, seconds: float, until: Callable[[], bool]) -> None:
        """Let time pass, at most `seconds`, until something holds."""
        end_s = self.now() + seconds
        self._exchange(tester)
        while self.now() < end_s - STEP_S / 2 and not until():
            self._advance()
            if self.now() - self._looked_s >= LOOK_S - STEP_S / 2:
                self._looked_s = self.now()
                self.station.step(self.now(), int(self.unix_s()))
                self._exchange(tester)
                self._carry()
                if self.station.reset is not None:
                    self._restart(tester)

    def _advance(self) -> None:
        worlds = [place.world for place in self._places.values()]
        step_s = BUSY_STEP_S if any(world.evcc is not None or world.evse.busy for world in worlds) else IDLE_STEP_S
        for world in worlds:
            world.step(step_s)

    def _exchange(self, tester: Tester) -> None:
        """Frames in both directions, until nobody has anything to say."""
        if not self._linked:
            return
        while True:
            frames, back = self.station.outgoing, tester.outgoing
            for frame in frames:
                tester.hear(frame)
            for frame in back:
                self.station.receive(frame, self.now(), int(self.unix_s()))
            if not frames and not back:
                return

    def _carry(self) -> None:
        """Files, as whoever has the network would carry them. A URL with `fail` in it cannot be reached."""
        jobs = self.station.block(Files).jobs
        while jobs and self.now() >= self._file_s:
            self._file_s = self.now() + FILE_S
            job, done = jobs.pop(0)
            if isinstance(job, Publish):
                self.files[job.name] = job.content or b""
                done("done", b"")
            elif isinstance(job, Install):
                done("failed" if job.content.startswith(b"BAD") else "done", b"")
            elif "fail" in job.url:
                done("failed", b"")
            elif isinstance(job, Upload):
                self.files[job.url] = (job.content or "a line of the log\n").encode()
                done("done", b"")
            else:
                found = self.files.get(job.url)
                done("failed" if found is None else "done", found or b"")

    def _restart(self, tester: Tester) -> None:
        for place in self._places.values():
            place.world.stop_station()
            place.authorizer.left()
        for _ in range(round(REBOOT_S / IDLE_STEP_S)):
            for place in self._places.values():
                place.world.step(IDLE_STEP_S)
        for place in self._places.values():
            place.world.start_station()
        tester.opened()
        self._start()

    # Hands

    def plug_in(self, evse: int, name: str, **wish: Any) -> None:
        world = self._places[evse].world
        intent = Intent(name, Service.DC_BPT, ControlMode.DYNAMIC, CAR, duration_s=100_000.0)
        if (contract := wish.pop("contract", None)) is not None:
            wish |= _paying(contract)
        world.plug_in(intent=replace(intent, **wish))

    def plug_out(self, evse: int) -> None:
        world = self._places[evse].world
        world.pull_out()
        world.driver = Stop.NONE

    def car_stops(self, evse: int) -> None:
        self._places[evse].world.driver = Stop.TERMINATE

    def reboot(self) -> None:
        self.station.reset = "started again by hand"

    def cut(self) -> None:
        self._linked = False
        self.station.disconnected(self.now())

    def restore(self) -> None:
        self._linked = True
        self.station.connected(version(self.subprotocol), self.now())

    def grid(self, **state: Any) -> None:
        voltage_v = state.pop("voltage_v", None)
        if voltage_v is not None:
            state["voltages_v"] = (voltage_v,) * 3
        found: Grid = replace(SOUND, **state)
        for place in self._places.values():
            place.world.grid_source = lambda now, plant: found

    def power_w(self, evse: int) -> float:
        reading = self._places[evse].world.evse.fresh(self.now()).meter
        return 0.0 if reading is None else reading.power_w

    def external(self, **values: Any) -> Any:
        """Returns why the station refuses it, or None."""
        if "schedule" in values:
            periods = (convert(each, v21.ChargingSchedulePeriodType) for each in values["schedule"])
            values["schedule"] = tuple(periods)
        return self.station.block(External).set(values.pop("evse", 1), Values(**values))

    def file(self, url: str, content: bytes | None = None) -> bytes | None:
        if content is not None:
            self.files[url] = content
        return self.files.get(url)

    def evse(self, id: int) -> Any:
        """The EVSE itself, for tests."""
        return self._places[id].world.evse


def _paying(contract: str) -> dict[str, Any]:
    """The wish of a car that pays by a contract: below a root that the station knows, or below an `unknown` one."""
    from v2g.bench.conformance.secc_contracts import hierarchy

    pki = hierarchy(START_UNIX_S)
    shown = pki.contract if contract == "known" else pki.flawed["chain of another hierarchy"]
    return {
        "editions": ("ISO 15118-2",), "service": Service.DC, "mode": ControlMode.SCHEDULED,
        "limits": replace(CAR, discharge_w=0, discharge_a=0), "contract": shown, "roots": (pki.v2g.chain[0],),
    }  # fmt: skip
