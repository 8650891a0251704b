"""Known deviations: the table is sound, allowances reach the session of the matched car, and weaken nothing."""

import re
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import fields
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, faulted_at, in_the_loop, texts
from tools.draw_quirks import with_table

from v2g.bench.sim.world import NOWHERE, World
from v2g.kernel.fault import Fault
from v2g.station.config.settings import EvseSettings, Pilot, Plc
from v2g.station.quirks import Quirk, allowing, of_evcc_id, of_mac, parse, shipped

MATCHED = changed(OUTLET, interface="nowhere", pilot=Pilot(device=NOWHERE), plc=Plc())
SLOW = """
[[quirk]]
car = "slow car"
mac = ["02:00:00"]
deviation = "needs 1 s for a turn of the charge loop"
source = ["this test"]
timing = "relaxed"
"""
SILENT_S = 1.0


def quirk(**allowances: object) -> Quirk:
    return msgspec.convert({"car": "x", "deviation": "y", "source": ["z"], "mac": ["02:00:00"], **allowances}, Quirk)


def notes(world: World) -> list[str]:
    return [text for text in texts(world) if "known deviation" in text]


def looped(evse: EvseSettings, table: str | None = None) -> World:
    world = World(evse, INTENT)
    if table is not None:
        world.evse.known_cars.table = parse(table)
    return in_the_loop(world, 2.0)


def silence_ends_after_s(world: World) -> float:
    """How long the car may be silent in the charge loop."""
    since = world.now
    world.faults.hung = True
    world.run(5.0)
    assert fault_of(world) is Fault.CHARGE_LOOP_TIMEOUT
    return faulted_at(world) - since


def test_every_entry_names_a_car_and_a_public_source() -> None:
    for each in shipped():
        assert each.mac or each.evcc_id, each
        assert all(source.startswith("https://") for source in each.source), each
        if each.evcc_id is not None:
            re.compile(each.evcc_id)


def test_an_allowance_is_one_of_three_settings() -> None:
    """Nothing else of the EVSE can be changed: no encryption, no authorisation, no protection."""
    known = {field.name for field in fields(Quirk)}
    assert known - {"car", "deviation", "source", "mac", "evcc_id"} == {
        "timing",
        "precharge_tolerance_v",
        "price_levels",
    }
    for forbidden in (
        'access = {grant = "everyone"}',
        'timing = "none"',
        "precharge_tolerance_v = 400.0",
        "tls = false",
    ):
        with pytest.raises(msgspec.ValidationError):
            parse(SLOW.replace('timing = "relaxed"', forbidden))


@pytest.mark.parametrize("prefix", ["02", "02:00", "02:00:0", "02-00-00", "2:0:0", ""])
def test_a_prefix_is_a_makers_at_least(prefix: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse(SLOW.replace("02:00:00", prefix))


def test_cars_are_found_by_mac_and_by_evcc_id() -> None:
    assert {each.car for each in of_mac(shipped(), bytes.fromhex("98ED5CB9BE31"))} == {"Tesla"}
    assert of_mac(shipped(), bytes.fromhex("0200000000EF")) == []
    (josev,) = of_evcc_id(shipped(), "WMIV1234567890ABCDEX")
    assert josev.allowances == {"price_levels": True}
    assert of_evcc_id(shipped(), "WMIV1234567890ABCDEX0") == []
    assert of_mac(shipped(), b"") == []


def test_allowances_never_narrow() -> None:
    allowed = allowing(OUTLET, [quirk(timing="relaxed"), quirk(precharge_tolerance_v=30.0), quirk(price_levels=True)])
    assert (allowed.timing, allowed.precharge_tolerance_v, allowed.price_levels) == ("relaxed", 30.0, True)
    assert changed(allowed, timing="standard", precharge_tolerance_v=20.0, price_levels=False) == OUTLET
    for own in (40.0, None):
        evse = changed(OUTLET, precharge_tolerance_v=own)
        assert allowing(evse, [quirk(precharge_tolerance_v=30.0)]) == evse


def test_a_slow_car_has_more_time_once_it_is_matched() -> None:
    world = looped(MATCHED, SLOW)
    said = "known deviation of slow car: needs 1 s for a turn of the charge loop; allowed `timing: relaxed`"
    assert notes(world) == [said]
    assert SILENT_S < silence_ends_after_s(world) <= 2.2


@pytest.mark.parametrize(
    ("evse", "table"),
    [
        (MATCHED, SLOW.replace("02:00:00", "02:00:01")),
        (changed(MATCHED, quirks=False), None),
        (OUTLET, SLOW),
    ],
    ids=["another car", "switched off", "not matched"],
)
def test_all_others_have_the_standards_time(evse: EvseSettings, table: str | None) -> None:
    world = looped(evse, table)
    assert silence_ends_after_s(world) <= 0.7


def test_a_deviation_known_by_the_evcc_id_is_reported() -> None:
    world = looped(OUTLET)
    recommended = "consider `price_levels: true`"
    assert notes(world) == [
        f"known deviation of Josev (simulated car): refuses a schedule without prices; {recommended}"
    ]
    assert notes(looped(changed(OUTLET, quirks=False))) == []


def test_the_page_has_the_table(repository: Path) -> None:
    page = (repository / "docs" / "quirks.md").read_text()
    assert page == with_table(page), "run `python tools/draw_quirks.py`"
