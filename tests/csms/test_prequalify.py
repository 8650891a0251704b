"""The grid operator's test at a depot's process behind its control socket, with a light station and its car."""

import asyncio
from pathlib import Path

import pytest
from tests.csms.test_api import depot

from v2g.depot.desk import Channel
from v2g.depot.prequalification import BY, Order, Product, Trial
from v2g.io import control
from v2g.io.control import ControlError
from v2g.kernel.errors import V2GError
from v2g.run import prequalification
from v2g.run.depot import Commands, Regulate
from v2g.run.prequalification import live

pytestmark = pytest.mark.alone
ORDERS = (Order(0.0, 0.0), Order(1.0, 1.0), Order(5.0, 0.0))
TRIAL = Trial(product=Product.FCR, capacity_w=8_000.0, baseline_w=0.0, orders=ORDERS)


def test_orders_go_to_the_depot_hold_over_those_of_an_ems_and_end_with_the_test(tmp_path: Path) -> None:
    asyncio.run(_played(tmp_path))


async def _played(folder: Path) -> None:
    async with depot(folder) as (process, link, _):
        process.request("EMS", {"power_w": 3_000.0, "for_s": 3600.0})
        socket, asked = folder / "test.sock", set()
        serving = asyncio.create_task(control.serve(socket, 0o600, Commands, process._commanded))
        while not socket.exists():
            await asyncio.wait([serving], timeout=0.01)
        testing = asyncio.create_task(live(TRIAL, socket, lambda done_pu: None))
        while not testing.done():
            process.step()
            await link.settle()
            asked.add(process.status()["requested_by"])
            if len(asked) == 1 and BY in str(asked):
                with pytest.raises(ControlError, match="is under way"):
                    await live(TRIAL, socket, lambda done_pu: None)
            await asyncio.wait([testing], timeout=0.1)
        samples = await testing
        serving.cancel()
        assert {str(each).partition(" ")[0] for each in asked} >= {BY}
        assert min(each.power_w for each in samples) < -1_000.0
        assert {each.signal_pu for each in samples} == {0.0, 1.0}
        assert [each.by for each in process.requests()] == ["EMS"]


def test_it_neither_begins_nor_goes_on_against_a_power_that_the_fleet_asks_for(tmp_path: Path) -> None:
    asyncio.run(_against_the_fleet(tmp_path))


async def _against_the_fleet(folder: Path) -> None:
    async with depot(folder) as (process, _, _):
        order = Regulate(BY, 1.0, 8_000.0, 0.0, 10.0)
        process._commanded(order)
        process.request("DNO", {"type": "limit", "steps": [{"from_unix_s": 0, "charge_w": 5e3}], "for_s": 60},
                        Channel.DNP3)  # fmt: skip
        process._commanded(order)  # a limit holds beside the test
        process.request("fleet (TSO)", {"power_w": 3_000.0, "for_s": 60.0}, Channel.FLEET)
        with pytest.raises(V2GError, match=r"fleet \(TSO\) asks for a power"):
            process._commanded(order)
        assert [each.by for each in process.requests()] == ["DNO", "fleet (TSO)"]
        with pytest.raises(V2GError, match=r"fleet \(TSO\) asks for a power"):
            process._commanded(order)
        process.withdraw("fleet (TSO)", Channel.FLEET)
        process._commanded(order)


def test_a_depot_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no daemon listens"):
        asyncio.run(live(TRIAL, tmp_path / "nothing.sock", lambda done_pu: None))


def test_a_depot_that_goes_and_does_not_come_back_ends_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prequalification, "GONE_S", 0.5)

    async def story() -> None:
        async with depot(tmp_path) as (process, _, _):
            socket, answered = tmp_path / "test.sock", asyncio.Event()
            serving = asyncio.create_task(control.serve(socket, 0o600, Commands, process._commanded))
            while not socket.exists():
                await asyncio.wait([serving], timeout=0.01)
            testing = asyncio.create_task(live(TRIAL, socket, lambda done_pu: answered.set()))
            await answered.wait()
            serving.cancel()
            with pytest.raises(ControlError, match="no daemon listens"):
                await testing

    asyncio.run(story())
