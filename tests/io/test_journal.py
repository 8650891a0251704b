"""What must survive a restart: whole or not at all, and no damage keeps the daemon from starting."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from v2g.io.journal import AGAIN_S, LARGEST, Journal
from v2g.station.kept import Entry, KeptEvse

BUSY = KeptEvse(entry=Entry(stage="ENERGY", session="4A", contactor_closed=True), discharge_limit_w=2_000.0)


def keep(journal: Journal, evse: int, state: KeptEvse) -> None:
    journal.keep(evse, state)
    journal.close()


def test_the_next_process_finds_what_the_last_one_kept(tmp_path: Path) -> None:
    file = tmp_path / "lib" / "kept.json"
    keep(Journal(file), 2, BUSY)
    found = Journal(file).found[2]
    assert found.entry.stage == "ENERGY"
    assert found.entry.since
    assert found.discharge_limit_w == 2_000.0
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in file.parent.iterdir()] == ["kept.json"]


def test_the_same_state_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    journal = Journal(file)
    keep(journal, 1, BUSY)
    written = file.stat().st_mtime_ns
    keep(journal, 1, BUSY)
    assert file.stat().st_mtime_ns == written


def test_limits_stay_when_the_state_before_is_over(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    keep(Journal(file), 1, BUSY)
    second = Journal(file)
    keep(second, 2, KeptEvse(charge_limit_w=1.0))
    assert Journal(file).found[1].discharge_limit_w == 2_000.0


def as_fifo(file: Path) -> None:
    os.mkfifo(file)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b'{"1": {"entry": {"stage": "\xff"}}}'),
        lambda file: file.write_bytes(b'{"1": {"x": ' + b"[" * 100_000),
        lambda file: file.write_bytes(b'{"1": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"),
        lambda file: file.write_bytes(b'{"1": {"discharge_limit_w": "much"}}'),
        lambda file: file.write_bytes(b'{"1": {"charge_limit_w": -5000.0}}'),
        lambda file: file.write_bytes(b'{"1": {"discharge_limit_w": 1e400}}'),
        lambda file: file.write_bytes(b"x" * (LARGEST + 1)),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"[]"),
        as_fifo,
    ],
)
def test_a_damaged_file_is_set_aside_and_named(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    file = tmp_path / "kept.json"
    damage(file)
    journal = Journal(file)
    assert journal.found == {}
    assert journal.trouble is not None
    assert f"set aside as {file}.damaged" in journal.trouble
    assert "nothing is fed until the grid settings" in journal.trouble
    keep(journal, 1, BUSY)
    assert Journal(file).found[1].discharge_limit_w == 2_000.0


def test_a_loss_that_finds_no_room_on_the_disk_is_no_news_to_the_next_process(tmp_path: Path) -> None:
    """Otherwise it would take up no limits at all, and feed."""
    file = tmp_path / "kept.json"
    file.write_bytes(b"damage")
    (tmp_path / "kept.new").mkdir()
    for _ in range(2):
        journal = Journal(file, [1])
        journal.close()
        assert journal.not_kept is not None
        assert journal.found[1].operator_discharge_w == 0.0
        assert journal.found[1].grid_lost
    (tmp_path / "kept.new").rmdir()
    Journal(file, [1]).close()
    assert Journal(file).found[1].operator_discharge_w == 0.0


def test_a_directory_in_its_place_stops_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.found == {}
    assert journal.trouble is not None


def test_what_is_flushed_is_on_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    journal = Journal(file)
    for limit_w in (1_000.0, 2_000.0):
        journal.keep(1, KeptEvse(charge_limit_w=limit_w))
        assert journal.flush(10.0)
        assert Journal(file).found[1].charge_limit_w == limit_w
    journal.close()


def test_a_pipe_in_the_way_of_writing_is_reported_and_holds_nobody_up(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    os.mkfifo(tmp_path / "kept.new")
    journal = Journal(file)
    keep(journal, 1, BUSY)
    assert journal.trouble == f"kept file {file}: No such device or address; let this user write there, or set `kept`"
    (tmp_path / "kept.new").unlink()
    keep(journal, 1, KeptEvse())
    assert Journal(file).found[1].discharge_limit_w is None


def test_what_found_no_room_is_written_once_there_is_some(tmp_path: Path) -> None:
    """Nothing else may change until the power cut."""
    file, now = tmp_path / "kept.json", [100.0]
    in_the_way = tmp_path / "kept.new"
    in_the_way.mkdir()
    journal = Journal(file, clock=lambda: now[0])
    journal.keep(1, BUSY)
    assert journal.flush(10.0)
    assert journal.not_kept is not None
    assert journal.trouble == journal.not_kept
    journal.trouble = None
    now[0] += AGAIN_S
    journal.keep(1, BUSY)
    assert journal.flush(10.0)
    assert journal.trouble is None, "reported once"
    in_the_way.rmdir()
    journal.keep(1, BUSY)
    assert journal.flush(10.0)
    assert not file.exists(), "not at every step"
    now[0] += AGAIN_S
    journal.keep(1, BUSY)
    assert journal.flush(10.0)
    assert journal.not_kept is None
    assert Journal(file).found[1].discharge_limit_w == 2_000.0
    journal.close()


def test_a_limit_that_no_operator_could_set_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_bytes(b'{"1": {"charge_limit_w": -5}}')
    assert Journal(file).found == {}


def test_of_many_states_in_a_row_the_latest_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "kept.json")
    for watts in range(2_000):
        journal.keep(1, KeptEvse(charge_limit_w=float(watts)))
    journal.close()
    assert Journal(tmp_path / "kept.json").found[1].charge_limit_w == 1_999.0


def test_a_file_that_cannot_be_written_is_one_trouble_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    journal = Journal(folder / "kept.json")
    seen = []
    for charge_w in (1.0, 2.0):
        folder.write_text("in the way of the folder")
        for discharge_w in (3.0, 4.0):
            keep(journal, 1, KeptEvse(charge_limit_w=charge_w, discharge_limit_w=discharge_w))
            seen.append(journal.trouble is not None)
            journal.trouble = None
        folder.unlink()
        keep(journal, 1, KeptEvse(charge_limit_w=charge_w))
        for file in [*folder.iterdir()]:
            file.unlink()
        folder.rmdir()
    assert seen == [True, False, True, False]
