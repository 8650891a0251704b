"""What `v2g depot doctor` finds, each with its remedy."""

import os
import shutil
import sqlite3
from pathlib import Path
from time import time
from typing import Any

import pytest
from msgspec.structs import replace
from tests.certificates import certified
from tests.csms.site import configured

from v2g.depot.configuration import Http, Stations
from v2g.fleet.configuration import DepotPlace, FleetConfiguration, Person
from v2g.io.depot_ledger import SqliteLedger
from v2g.kernel.durations import DAY_S
from v2g.run import depot_doctor
from v2g.run.doctor import Finding, Level


def looked_at(ledger: str) -> Finding:
    return next(iter(depot_doctor.ledger(ledger)))


def test_a_ledger_that_is_sound_is_named_with_what_it_has(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / "depot.db")
    found = looked_at(str(tmp_path / "depot.db"))
    assert found.level is Level.GOOD
    assert "0 events" in found.text


@pytest.mark.parametrize(("ran_days", "level", "says"), [
    (0.9, None, ""),
    (10.0, Level.GOOD, "2.00 GiB after 10 days; 4.00 GiB with 20"),
    (100.0, Level.GOOD, "2.00 GiB after 100 days; 2.00 GiB with 20"),  # it has what it will have
    (5.0, Level.WARNING, "2.00 GiB after 5 days; 8.00 GiB with 20 (`ledger_days`); the disk lasts 10 days"),
])  # fmt: skip
def test_a_ledger_that_will_not_fit_on_its_disk_is_named_long_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran_days: float, level: Level | None, says: str
) -> None:
    place = tmp_path / "depot.db"
    with sqlite3.connect(place) as file:
        file.execute("CREATE TABLE kept (kind TEXT, key TEXT, value BYTEA)")
        file.execute("INSERT INTO kept VALUES ('ledger', 'ran_s', ?)", (str(ran_days * DAY_S).encode(),))
    os.truncate(place, 2 * depot_doctor.GIB)  # sparse
    free = shutil.disk_usage(tmp_path)._replace(free=4 * depot_doctor.GIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free)
    found = list(depot_doctor.growth(str(place), 20))
    assert [each.level for each in found] == ([] if level is None else [level])
    assert all(says in each.text for each in found)


def test_what_has_no_rate_yet_is_not_judged(tmp_path: Path) -> None:
    for content in (None, b"no database"):
        if content is not None:
            (tmp_path / "depot.db").write_bytes(content)
        assert list(depot_doctor.growth(str(tmp_path / "depot.db"), 400)) == []
    assert list(depot_doctor.growth("postgresql://depot@127.0.0.1:1/depot", 400)) == []


@pytest.mark.parametrize(("place", "says"), [("missing/depot.db", "there is no directory"), ("", "no such table")])
def test_a_ledger_that_is_not_there_is_a_fault(tmp_path: Path, place: str, says: str) -> None:
    if not place:  # a database of somebody else
        place = "other.db"
        sqlite3.connect(tmp_path / place).execute("CREATE TABLE x (y)")
    found = looked_at(str(tmp_path / place))
    assert found.level is Level.FAULT
    assert says in found.text
    assert found.remedy


def test_a_damaged_ledger_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "depot.db"
    ledger = SqliteLedger(file)
    ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger._connection.close()
    content = bytearray(file.read_bytes())
    content[4096:8192] = bytes(4096)
    file.write_bytes(content)
    assert looked_at(str(file)).level is Level.FAULT


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system in memory")
def test_a_ledger_in_memory_is_a_fault() -> None:
    found = looked_at("/dev/shm/v2g-depot-doctor.db")
    assert found.level is Level.FAULT
    assert "in memory only" in found.text


def test_a_database_that_does_not_answer_is_a_fault_without_its_password() -> None:
    found = looked_at("postgresql://depot:secret@127.0.0.1:1/depot")
    assert found.level is Level.FAULT
    assert "secret" not in found.text + found.remedy
    assert "127.0.0.1:1/depot" in found.text


@pytest.mark.parametrize(
    ("later_days", "level"), [(0.0, Level.WARNING), (36_500.0, Level.FAULT), (-3_650.0, Level.FAULT)]
)
def test_certificates_are_judged_by_their_dates(tmp_path: Path, later_days: float, level: Level) -> None:
    certified(tmp_path)
    connect = Stations(certificate=tmp_path / "root.pem", private_key=tmp_path / "key.pem")
    [found] = depot_doctor.certificates(replace(configured(1), connect=connect), time() + later_days * DAY_S)
    assert (found.level, bool(found.remedy)) == (level, level is not Level.GOOD), found


def test_a_key_of_another_certificate_is_a_fault(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        certified(tmp_path / name)
    shutil.copy(tmp_path / "other/key.pem", tmp_path / "one/key.pem")
    connect = Stations(certificate=tmp_path / "one/root.pem", private_key=tmp_path / "one/key.pem")
    [found] = depot_doctor.certificates(replace(configured(1), connect=connect), time())
    assert found.level is Level.FAULT


def status(**changes: Any) -> dict[str, Any]:
    rows = [("CS0/1", "free"), ("CS1/1", "offline"), ("CS1/2", "offline")]
    return {"unix_s": time(), "trouble": None, "cycles": 7, "columns": ("id", "state"), "rows": rows} | changes


def test_a_running_depot_is_asked_for_its_stations_and_notices() -> None:
    notice = {"code": "D01", "about": "EMS", "text": "EMS asks for more than there is"}
    found = list(depot_doctor.running(status(notices=[notice])))
    assert [each.level for each in found] == [Level.GOOD, Level.WARNING, Level.WARNING]
    assert found[1].text == "1 of 2 are not connected: CS1"
    assert all(each.remedy for each in found[1:])


def test_trouble_and_a_wrong_clock_are_named() -> None:
    found = list(depot_doctor.running(status(trouble="disk full; free some space", unix_s=time() - 600)))
    assert (found[0].level, found[0].text, found[0].remedy) == (Level.FAULT, "disk full", "free some space")
    assert "600 s behind" in found[1].text


def test_a_secret_that_everybody_may_read_is_named(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("tso.password", "key.pem", "depot.password")]
    for file in files:
        file.write_text("0123456789abcdef")
        file.chmod(0o640)
    fleet = FleetConfiguration(
        fleet="north",
        people=(Person(name="tso", password_file=files[0]),),
        http=Http(private_key=files[1]),
        depots=(DepotPlace(id="a", charge_w=1.0, password_file=files[2]), DepotPlace(id="b", charge_w=1.0)),
    )
    [found] = depot_doctor.secrets(fleet)
    assert (found.level, found.text) == (Level.GOOD, "3 files, for their owners and groups only")
    for file in files:
        file.chmod(0o644)
        [found] = depot_doctor.secrets(fleet)
        assert found.level is Level.WARNING
        assert found.text == f"1 of 3 may be read by every user of this machine: {file}"
        file.chmod(0o640)
