"""The driver's page without a browser: who may ask for what, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace
from tests.csms.asgi import Answer, ask
from tests.csms.site import car, configured
from tests.csms.test_api import Link

from v2g.bench.depot.station import LightStation
from v2g.console.access import Gate
from v2g.console.codes import completed, read_codes
from v2g.console.driver import CHANGES
from v2g.console.requests import BURST
from v2g.depot.configuration import Control, FleetVehicle
from v2g.io.depot_http import Api
from v2g.kernel.errors import V2GError
from v2g.run.depot import DepotProcess, open_ledger

CODES = {"CS0/1": "abcdefghijklmnop", "CS1/1": "qrstuvwxyz234567"}


class Phone:
    """A driver before CS0/1, whose vehicle is in a fleet list with a departure and a floor of 30 %."""

    def __init__(self, process: DepotProcess, link: Link) -> None:
        self.process, self.link = process, link
        self.app = Api(process, Gate(monotonic), CODES).app

    async def visit(self, code: str = CODES["CS0/1"]) -> Any:
        return (await ask(self.app, "GET", f"/e/{code}/visit")).json

    async def states(self, ticket: str, headers: dict[str, str] | None = None, **needs: Any) -> Answer:
        return await ask(self.app, "PUT", f"/e/{CODES['CS0/1']}/needs", {"ticket": ticket} | needs, headers)

    async def next_car(self) -> None:
        """Another car comes to the same EVSE."""
        now = self.process.now()
        self.link.station.unplug(now)
        await self.link.settle()
        self.link.station.plug_in(car(), now + 1, now + 1)
        await self.link.settle()


@asynccontextmanager
async def phone(folder: Path) -> AsyncIterator[Phone]:
    fleet = (FleetVehicle(id="van 0", tokens=("EV0",), floor_soc=0.3, departure="07:30"),)
    control = Control(socket=folder / "depot.sock")
    configuration = replace(configured(2), ledger=str(folder / "depot.db"), control=control, vehicles=fleet)
    process = DepotProcess(configuration, await open_ledger(configuration.ledger), lambda line: None)
    try:
        station = LightStation("CS0")
        link = Link(process, station)
        await link.settle()
        station.plug_in(car(), process.now(), process.now())
        await link.settle()
        yield Phone(process, link)
    finally:
        await process.ledger.close()


def run(folder: Path, case: Callable[[Phone], Awaitable[None]]) -> None:
    async def go() -> None:
        async with phone(folder) as found:
            await case(found)

    asyncio.run(go())


def test_what_a_driver_states_holds_over_the_list_but_for_a_lower_floor(tmp_path: Path) -> None:
    async def case(phone: Phone) -> None:
        before = await phone.visit()
        assert before["holds"]["departure_by"] == "fleet list"
        leaves_s = phone.process.now() + 3600
        answer = await phone.states(before["ticket"], departure_unix_s=leaves_s, target_soc_pu=0.8, min_soc_pu=0.2)
        assert answer.status == 200, answer.content
        holds = (await phone.visit())["holds"]
        assert (holds["departure_unix_s"], holds["departure_by"]) == (leaves_s, "driver")
        assert (holds["target_soc_pu"], holds["energy_by"]) == (0.8, "driver")
        assert (holds["min_soc_pu"], holds["floor_by"]) == (0.3, "fleet list")  # nobody lowers another's floor
        assert (await phone.visit())["order"][:3] == ["driver", "fleet list", "car"]

    run(tmp_path, case)


def test_a_driver_who_lets_nothing_be_fed_is_obeyed_and_named(tmp_path: Path) -> None:
    async def case(phone: Phone) -> None:
        ticket = (await phone.visit())["ticket"]
        assert phone.process.gateway.chargers(phone.process.now())["CS0/1"].charge_only == ""
        assert (await phone.states(ticket, feeds=False)).status == 200
        phone.process.request("EMS", {"power_w": -5_000.0, "for_s": 60})
        phone.process.step()
        found = (await phone.visit())["charge_only"]
        assert found == "its driver lets nothing be fed"
        assert "its driver lets nothing be fed" in phone.process.explained("CS0/1")["CS0/1"][0]
        deleted = await ask(phone.app, "DELETE", f"/e/{CODES['CS0/1']}/needs", {"ticket": ticket})
        assert deleted.status == 200
        assert (await phone.visit())["charge_only"] is None

    run(tmp_path, case)


def test_it_ends_with_the_visit_and_so_does_the_page(tmp_path: Path) -> None:
    async def case(phone: Phone) -> None:
        old = (await phone.visit())["ticket"]
        assert (await phone.states(old, target_soc_pu=0.9)).status == 200
        await phone.next_car()
        now = await phone.visit()
        assert "driver" not in now["stated"]
        assert now["ticket"] != old
        assert (await phone.states(old, target_soc_pu=0.9)).status == 409
        assert (await phone.states(now["ticket"], target_soc_pu=0.9)).status == 200

    run(tmp_path, case)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"origin": "https://evil.example.com"}, 403), ({"content-type": "text/plain"}, 415)],
)
def test_a_page_of_somebody_else_cannot_ask(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async def case(phone: Phone) -> None:
        ticket = (await phone.visit())["ticket"]
        assert (await phone.states(ticket, headers, target_soc_pu=0.9)).status == status
        assert (await phone.states("", target_soc_pu=0.9)).status == 409  # it does not know the ticket
        assert "driver" not in (await phone.visit())["stated"]

    run(tmp_path, case)


IMPOSSIBLE: list[dict[str, Any]] = [
    {"min_soc_pu": 2}, {"target_soc_pu": 0.2, "min_soc_pu": 0.4}, {"departure_unix_s": 1}, {"energy_wh": -1},
    {"floor": 1}, {"feeds": "yes"},
]  # fmt: skip


@pytest.mark.parametrize("needs", IMPOSSIBLE)
def test_what_cannot_be_is_refused_with_a_reason(tmp_path: Path, needs: dict[str, Any]) -> None:
    async def case(phone: Phone) -> None:
        answer = await phone.states((await phone.visit())["ticket"], **needs)
        assert answer.status == 400
        assert next(iter(needs)) in answer.json["error"]

    run(tmp_path, case)


def test_without_a_car_there_is_nothing_to_state(tmp_path: Path) -> None:
    async def case(phone: Phone) -> None:
        free = await phone.visit(CODES["CS1/1"])
        assert (free["ticket"], free["holds"]) == (None, None)
        answer = await ask(phone.app, "PUT", f"/e/{CODES['CS1/1']}/needs", {"ticket": "", "feeds": False})
        assert answer.status == 400
        assert "no vehicle" in answer.json["error"]

    run(tmp_path, case)


def test_codes_cannot_be_tried_and_needs_not_be_changed_all_the_time(tmp_path: Path) -> None:
    async def case(phone: Phone) -> None:
        ticket = (await phone.visit())["ticket"]
        changed = [(await phone.states(ticket, target_soc_pu=0.9)).status for _ in range(int(CHANGES) + 1)]
        assert set(changed[:-1]) == {200}
        assert changed[-1] == 429
        tried = [(await ask(phone.app, "GET", f"/e/{'a' * 16}/visit")).status for _ in range(int(BURST) + 20)]
        assert set(tried) == {404, 429}

    run(tmp_path, case)


def test_the_page_says_nothing_of_which_codes_there_are(tmp_path: Path) -> None:
    async def case(phone: Phone) -> None:
        right, wrong = [await ask(phone.app, "GET", f"/e/{code}") for code in (CODES["CS0/1"], "a" * 16)]
        assert (right.status, right.content) == (wrong.status, wrong.content) == (200, right.content)
        assert right.headers["referrer-policy"] == "no-referrer"

    run(tmp_path, case)


def test_codes_are_kept_made_and_renewed(tmp_path: Path) -> None:
    first = completed({}, ["CS0/1", "CS1/1"])
    second = completed(first, ["CS0/1", "CS1/1", "CS2/1"], ["CS1/1"])
    assert second["CS0/1"] == first["CS0/1"]
    assert second["CS1/1"] != first["CS1/1"]
    assert len(set(second.values())) == 3
    file = tmp_path / "codes"
    file.write_text("# by v2g depot codes\n" + "".join(f"{evse}:{code}\n" for evse, code in second.items()))
    assert read_codes(file) == second


@pytest.mark.parametrize("line", ["CS0/1", "CS0/1:SHORT", f"CS0/1:{'a' * 16}\nCS1/1:{'a' * 16}"])
def test_a_file_of_codes_that_is_none_is_refused_by_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "codes"
    file.write_text(line)
    with pytest.raises(V2GError, match=rf"codes:{line.count(chr(10)) + 1}: "):
        read_codes(file)
