"""Changing the grid code of a running station: who may, what follows, what survives."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.station.scene import INTENT, OUTLET, PROMPT, fault_of, in_the_loop, texts

from v2g.bench.sim.world import SOUND, Grid, World
from v2g.grid.adjustments import Party, lasting
from v2g.io.journal import Journal
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.station import grid_settings
from v2g.station.command import Any, GridDefault, GridGet, GridSet
from v2g.station.config.settings import PlanStep, Settings
from v2g.station.kept import KeptEvse
from v2g.station.operator import limit
from v2g.station.snapshot import evse_snapshot, explain
from v2g.station.station import Done, Station

FEEDING = replace(OUTLET, dispatch=(PlanStep(power_w=-6_000),), nominal_hz=50.0)
UV1 = "trip.uv1.delay_s"


def started(world: World) -> World:
    world.run(1.0)
    return world


def station_of(world: World) -> Station:
    station = Station(Settings(evses=(FEEDING,)))
    station.evses = {world.evse.settings.id: world.evse}
    return station


def ask(world: World, asked: GridSet | GridGet | GridDefault) -> Done:
    return station_of(world).obey(asked, world.now, world.unix_s, "user 1000")


def value_of(world: World, name: str) -> object:
    assert world.evse.guard is not None
    return world.evse.guard.code.settings[name].value


def test_a_session_goes_on_with_the_new_settings() -> None:
    world = in_the_loop(World(FEEDING, INTENT), 5.0)
    done = ask(world, GridSet(changes={"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.1}))
    assert done.note == (
        "user 1000 changes the grid code: active_power_limit.enabled false -> true, active_power_limit.fed_pu 1 -> 0.1"
    )
    assert [each["by"] for each in done.result["settings"]] == ["user 1000"] * 2  # type: ignore[index]
    world.run(60.0)
    assert -3_300 < world.plant.power_w < -2_900, "a tenth of 30 kW, and what the inverter loses"
    assert ask(world, GridDefault()).note.startswith("user 1000 goes back to the configured grid code: active_power")
    world.run(60.0)
    assert world.plant.power_w < -5_900
    assert fault_of(world) is None


def test_a_trip_follows_the_new_threshold() -> None:
    world = in_the_loop(
        World(FEEDING, INTENT, grid=lambda now, plant: Grid(voltages_v=(260.0,) * 3) if now >= 40 else SOUND), 5.0
    )
    ask(world, GridSet(changes={"trip.ov1.delay_s": 1.0}))
    world.run(41.5 - world.now)
    assert fault_of(world) is Fault.GRID


def test_without_permission_nothing_flows_and_it_comes_back() -> None:
    world = in_the_loop(World(FEEDING, INTENT), 5.0)
    ask(world, GridSet(changes={"enter_service.permitted": False}, for_s=30.0))
    world.run(2.0)
    assert not world.contactor.closed
    world.run(35.0)
    assert value_of(world, "enter_service.permitted") is True
    assert "grid settings went back, their time is over: enter_service.permitted" in texts(world)


def test_a_clock_that_is_set_forward_returns_no_permission() -> None:
    world = in_the_loop(World(FEEDING, INTENT), 5.0)
    done = ask(world, GridSet(changes={"enter_service.permitted": False}, for_s=30.0))
    assert done.result["settings"][0]["until_unix_s"] == world.unix_s + 30  # type: ignore[index]
    world.run(5.0)
    world.clock_set_s = 1e6
    world.run(20.0)
    assert value_of(world, "enter_service.permitted") is False
    assert not world.contactor.closed
    world.run(6.0)
    assert value_of(world, "enter_service.permitted") is True


def test_a_restart_forgets_nothing_and_what_is_left_of_a_time_goes_on(tmp_path: Path) -> None:
    world = started(World(FEEDING, INTENT))
    ask(world, GridSet(changes={UV1: 25.0}))
    ask(world, GridSet(changes={"trip.ov1.delay_s": 5.0}, for_s=100.0))
    world.run(1.0)
    journal = Journal(tmp_path / "kept.json")
    journal.keep(1, world.evse.kept)
    journal.close()
    world.kept = Journal(tmp_path / "kept.json").found[1]
    assert world.kept.grid_settings == world.evse.kept.grid_settings
    world.stop_station()
    world.run(150.0)
    world.start_station()
    assert world.evse.kept.grid_settings, "before the devices have been read, too"
    world.run(90.0)
    assert (value_of(world, UV1), value_of(world, "trip.ov1.delay_s")) == (25.0, 5.0)
    world.run(11.0)
    assert (value_of(world, UV1), value_of(world, "trip.ov1.delay_s")) == (25.0, 13.0)


@pytest.mark.parametrize("damage", [b"{", b'{"1": {"grid_settings": 5}}', b"\xff" * 100])
def test_after_a_damaged_file_nothing_is_fed_until_the_settings_are_set_again(tmp_path: Path, damage: bytes) -> None:
    """It may have been a withdrawn permission that was lost. It stays lost over further restarts."""
    file = tmp_path / "kept.json"
    file.write_bytes(damage)
    Journal(file, [1, 2]).close()
    world = World(replace(FEEDING, dispatch=(PlanStep(power_w=5_000, for_s=5.0), PlanStep(power_w=-6_000))), INTENT)
    world.kept = Journal(file, [1, 2]).found[1]
    world.start_station()
    in_the_loop(world, 4.0)
    assert world.plant.power_w > 4_000, "it charges"
    world.run(10.0)
    assert world.plant.export_wh < 1.0
    why = explain(world.evse, world.now).why
    assert f"grid settings ({file} could not be read; set them again" in why
    assert world.evse.guard is not None
    assert world.evse.guard.status().feeds_not.startswith(f"grid settings: {file} could not be read")
    assert world.evse.kept.grid_lost
    ask(world, GridSet(changes={UV1: 25.0}))
    world.run(5.0)
    assert world.plant.export_wh < 1.0, "what was withdrawn may be the permission"
    ask(world, GridSet(changes={"enter_service.permitted": True}) if damage == b"{" else GridDefault())
    world.run(1.0)
    limit(world.evse, -1.0, 10_000.0)
    world.run(4.0)
    assert world.plant.power_w < -5_000
    assert not world.evse.kept.grid_lost


@pytest.mark.parametrize("again", [False, True])
def test_after_a_damaged_file_the_limits_of_the_operator_are_those_of_the_configuration(
    tmp_path: Path, again: bool
) -> None:
    """Nothing is fed until the discharge limit is set again: it may have been nothing. Restarts change nothing."""
    file = tmp_path / "kept.json"
    file.write_bytes(b"{")
    for _ in range(1 + again):
        journal = Journal(file, [1])
        journal.close()
    evse = replace(FEEDING, grid_code=replace(PROMPT, adjustable_by=()))
    world = World(replace(evse, dispatch=(PlanStep(power_w=50_000, for_s=5.0), PlanStep(power_w=-6_000))), INTENT)
    world.kept = journal.found[1]
    world.start_station()
    in_the_loop(world, 4.0)
    assert 10_000 < world.plant.power_w < 11_001, "what car and configuration allow"
    world.run(10.0)
    assert world.plant.export_wh < 1.0
    why = f"{file} could not be read; set it again: modbus_write --address 0x4001"
    assert f"operator discharge limit ({why})" in explain(world.evse, world.now).why
    assert evse_snapshot(world.evse, world.now).limits_lost == why
    limit(world.evse, 1.0, 4_000.0)
    world.run(2.0)
    assert world.evse.kept.limits_lost, "it is the other limit that was set"
    limit(world.evse, -1.0, 3_000.0)
    world.run(5.0)
    assert world.plant.power_w == pytest.approx(-3_000, abs=50)
    kept = world.evse.kept
    assert (kept.limits_lost, kept.charge_limit_w, kept.discharge_limit_w) == ("", 4_000.0, 3_000.0)
    assert evse_snapshot(world.evse, world.now).limits_lost is None


@pytest.mark.parametrize("permitted", [True, False])
def test_what_is_set_for_a_time_in_the_place_of_lost_settings_is_no_permission_for_ever(permitted: bool) -> None:
    world = World(FEEDING, INTENT)
    world.kept = KeptEvse(grid_lost="kept.json could not be read")
    world.start_station()
    in_the_loop(world, 4.0)
    ask(world, GridSet(changes={"enter_service.permitted": permitted}, for_s=8.0))
    world.run(7.0)
    assert (world.plant.power_w < -5_000) is permitted
    world.run(2.0)
    fed_wh = world.plant.export_wh
    world.run(10.0)
    assert world.plant.export_wh == pytest.approx(fed_wh, abs=1.0), "it is as unknown as before"
    assert world.evse.kept.grid_lost


def test_where_nobody_but_the_back_end_may_set_anything_nothing_is_lost() -> None:
    world = World(replace(FEEDING, grid_code=replace(PROMPT, adjustable_by=("back_end",))), INTENT)
    world.kept = KeptEvse(grid_lost="kept.json could not be read")
    world.start_station()
    assert in_the_loop(world, 8.0).plant.power_w < -5_000


def test_kept_settings_that_no_longer_fit_are_dropped_and_reported() -> None:
    world = World(FEEDING, INTENT)
    world.kept = KeptEvse(grid_settings={Party.OPERATOR: lasting({"trip.uv9.delay_s": 1.0})}, charge_limit_w=5_000)
    world.start_station()
    world.run(1.0)
    assert value_of(world, UV1) == 21.0
    assert any(text.startswith("grid settings from before the restart are dropped: trip.uv9") for text in texts(world))


def test_a_kept_setting_that_no_longer_fits_takes_no_other_with_it() -> None:
    world = World(FEEDING, INTENT)
    layer = lasting({"trip.uv9.delay_s": 1.0, "enter_service.permitted": False})
    world.kept = KeptEvse(grid_settings={Party.OPERATOR: layer})
    world.start_station()
    world.run(1.0)
    assert value_of(world, "enter_service.permitted") is False


def test_what_was_set_before_it_was_sealed_does_not_hold() -> None:
    world = World(replace(FEEDING, grid_code=replace(PROMPT, adjustable_by=())), INTENT)
    world.kept = KeptEvse(grid_settings={Party.OPERATOR: lasting({UV1: 25.0})})
    world.start_station()
    world.run(1.0)
    assert value_of(world, UV1) == 21.0
    assert any("`grid_code.adjustable_by` no longer names operator" in text for text in texts(world))


def test_a_withdrawn_permission_stays_withdrawn_when_another_setting_goes_back() -> None:
    code = replace(PROMPT, settings={**PROMPT.settings, "enter_service.ramp_s": 100.0})
    world = in_the_loop(World(replace(FEEDING, grid_code=code), INTENT), 5.0)
    ask(world, GridSet(changes={"enter_service.permitted": False}))
    ask(world, GridSet(changes={"enter_service.ramp_s": 0.0}, for_s=20.0))
    ask(world, GridSet(changes={"enter_service.random_delay_s": 60.0}))
    world.run(22.0)
    assert value_of(world, "enter_service.permitted") is False
    assert not world.contactor.closed
    assert any(text.startswith("a grid setting went back, it no longer fits: ") for text in texts(world))


def test_reactive_power_by_hand_ends_although_a_setting_changes_at_the_same_moment() -> None:
    world = in_the_loop(World(FEEDING, INTENT), 5.0)
    guard = world.evse.guard
    assert guard is not None
    by_hand = guard.support(-6_000.0, world.now, 2_000.0)
    assert by_hand.reactive_by.startswith("constant reactive power")
    guard.adjust({UV1: 25.0})
    assert guard.support(-6_000.0, world.now, None).reactive_by.startswith("constant power factor")


def test_the_operator_reads_that_another_party_holds_over_it() -> None:
    world = started(World(FEEDING, INTENT))
    assert world.evse.guard is not None
    world.evse.guard.adjust({UV1: 30.0}, Party.BACK_END)
    note = ask(world, GridSet(changes={UV1: 25.0})).note
    assert note.endswith("trip.uv1.delay_s 30 -> 30; what back_end set holds over it")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (GridSet(changes={UV1: 1.0}), r"trip\.uv1\.delay_s: 1 is out of range"),
        (GridSet(changes={}), "no setting is named"),
        (GridGet(names=("trip.uv9.delay_s",)), "there is no such setting"),
        (GridDefault(names=("trip.uv9.delay_s",)), "there is no such setting"),
        (GridSet(changes={UV1: 25.0}, evse=2), "there is no EVSE 2"),
    ],
)
def test_what_cannot_be_is_refused(asked: GridSet | GridGet | GridDefault, text: str) -> None:
    world = started(World(FEEDING, INTENT))
    with pytest.raises(V2GError, match=text):
        ask(world, asked)
    assert not world.evse.kept.grid_settings


def test_sealed_settings_are_shown_and_not_changed() -> None:
    sealed = replace(FEEDING, grid_code=replace(PROMPT, adjustable_by=("back_end",)))
    world = started(World(sealed, INTENT))
    for asked in (GridSet(changes={UV1: 25.0}), GridDefault()):
        with pytest.raises(grid_settings.NotAdjustable, match=r"`grid_code\.adjustable_by` does not name operator"):
            ask(world, asked)
    found = ask(world, GridGet(names=(UV1,))).result
    assert found["settings"][0]["value"] == found["settings"][0]["configured"] == 21.0  # type: ignore[index]


def test_without_a_grid_code_there_are_no_settings() -> None:
    world = started(World(replace(FEEDING, grid_code=None), INTENT))
    with pytest.raises(grid_settings.NotAdjustable, match="has no grid code"):
        ask(world, GridGet())


def test_a_command_is_read_as_it_is_written() -> None:
    line = b'{"command": "grid_set", "changes": {"trip.uv1.delay_s": 25, "volt_watt.enabled": true}, "for_s": 60}'
    assert msgspec.json.decode(line, type=Any) == GridSet(changes={UV1: 25.0, "volt_watt.enabled": True}, for_s=60.0)
