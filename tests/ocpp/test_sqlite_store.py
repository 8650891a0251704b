"""The store on a disk: what was committed is there again; damage and a full disk stop nobody."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from v2g.io import sqlite_store
from v2g.io.sqlite_store import SqliteStore


def test_what_was_put_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "ocpp.db"
    store = SqliteStore(file)
    numbers = [store.put("queue", str(index), b"%d" % index) for index in range(100)]
    store.put("queue", "7", None)
    assert store.flush(10.0)
    assert store.committed == numbers[-1] + 1
    # Another process reads it while this one has it open, as after a power cut.
    assert SqliteStore(file).found == {("queue", str(index)): b"%d" % index for index in range(100) if index != 7}
    store.close()
    assert store.trouble is None


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "ocpp.db"
    file.write_bytes(b"this is no database" * 100)
    store = SqliteStore(file)
    assert store.found == {}
    assert store.trouble is not None
    assert "set aside" in store.trouble
    assert (tmp_path / "ocpp.db.damaged").exists()
    store.put("a", "b", b"c")
    assert store.flush(10.0)
    store.close()
    assert SqliteStore(file).found == {("a", "b"): b"c"}


def test_of_a_file_with_a_damaged_page_the_other_rows_are_kept(tmp_path: Path) -> None:
    """A transaction that ran is ended by them."""
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    rows = {("queue", f"{number:03}"): b"x" * 500 for number in range(100)} | {("transaction", "1"): b"running"}
    for (kind, key), value in rows.items():
        store.put(kind, key, value)
    assert store.flush(10.0)
    store.close()
    content = bytearray(file.read_bytes())
    place = content.index(b"queue050")
    page = place - place % 4096
    content[page : page + 4096] = bytes(range(256)) * 16
    file.write_bytes(content)
    store = SqliteStore(file)
    assert store.trouble is not None
    assert "rows of it are kept" in store.trouble
    assert store.found.items() <= rows.items()
    assert len(store.found) > 80
    assert store.found["transaction", "1"] == b"running"
    store.close()
    assert SqliteStore(file).found == store.found


def test_a_torn_write_ahead_log_loses_no_commit_before_it(tmp_path: Path) -> None:
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    store.put("a", "1", b"x")
    assert store.flush(10.0)
    copy = tmp_path / "copy.db"
    copy.write_bytes(file.read_bytes())
    log = (tmp_path / "ocpp.db-wal").read_bytes()
    (tmp_path / "copy.db-wal").write_bytes(log + log[32:200])
    assert SqliteStore(copy).found == {("a", "1"): b"x"}
    store.close()


def test_what_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.write_text("a file where the folder should be")
    store = SqliteStore(in_the_way / "ocpp.db")
    number = store.put("a", "b", b"c")
    store.flush(10.0)
    assert store.committed == number, "nobody waits for a disk that is not there"
    assert store.trouble is not None
    for value in range(50):  # of a row that changes only the latest state waits
        store.put("a", "b", b"%d" % value)
        store.flush(10.0)
    assert len(store._waiting) == 1
    store.put("a", "b", b"c")
    in_the_way.unlink()
    last = store.put("a", "d", b"e")
    store.flush(10.0)
    assert store.committed == last
    store.close()
    assert SqliteStore(in_the_way / "ocpp.db").found == {("a", "b"): b"c", ("a", "d"): b"e"}


_NO_SPACE = """
import resource, signal, sys
from pathlib import Path
import pytest

from v2g.io.sqlite_store import SqliteStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(Path(sys.argv[1]))
store.put("before", "1", b"x")
assert store.flush(10.0)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
number = store.put("big", "2", b"y" * 500_000)
assert store.flush(10.0)
assert store.committed < number and "free some space" in store.trouble, store.trouble
store.trouble = None
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
last = store.put("after", "3", b"z")
assert store.flush(10.0)
assert store.committed == last and store.trouble is None, store.trouble
"""


def test_a_disk_without_space_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files is what the system says when there is no space left for one."""
    file = tmp_path / "ocpp.db"
    subprocess.run([sys.executable, "-c", _NO_SPACE, str(file)], check=True, timeout=60)
    found = SqliteStore(file).found
    assert {key: len(value) for key, value in found.items()} == {
        ("before", "1"): 1,
        ("big", "2"): 500_000,
        ("after", "3"): 1,
    }


_NO_SPACE_AT_START = """
import resource, signal, sys
from pathlib import Path

from v2g.io.sqlite_store import SqliteStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
store = SqliteStore(Path(sys.argv[1]))
assert store.found == {("transaction", "1"): b"running"}, store.found
assert "free some space" in store.trouble and "set aside" not in store.trouble, store.trouble
number = store.put("transaction", "2", b"x")
assert store.flush(10.0) and store.committed == number, "nobody waits for a disk that is full"
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
store.put("transaction", "1", None)
assert store.flush(10.0)
"""


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_a_disk_without_space_when_the_station_starts_loses_nothing(tmp_path: Path, end: str) -> None:
    """A sound file is not taken for a damaged one: a transaction that ran before a power cut is ended by it."""
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    store.put("transaction", "1", b"running")
    assert store.flush(10.0)
    if end == "killed":  # what it committed is in its log
        copy = tmp_path / "copy.db"
        for suffix in ("", "-wal"):
            Path(f"{copy}{suffix}").write_bytes(Path(f"{file}{suffix}").read_bytes())
        file = copy
    store.close()
    subprocess.run([sys.executable, "-c", _NO_SPACE_AT_START, str(file)], check=True, timeout=60)
    assert SqliteStore(file).found == {("transaction", "2"): b"x"}


def test_a_file_that_is_locked_when_the_station_starts_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New rows would take the places of those that nobody could read."""
    monkeypatch.setattr(sqlite_store, "BUSY_S", 0.1)
    file = tmp_path / "ocpp.db"
    first = SqliteStore(file)
    first.put("queue", "1", b"old")
    first.close()
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("SELECT * FROM kept").fetchall()
        store = SqliteStore(file)
        assert store.trouble is not None
        assert "restart the station" in store.trouble
    number = store.put("queue", "1", b"new")
    assert store.flush(10.0)
    assert store.committed == number
    store.close()
    assert SqliteStore(file).found == {("queue", "1"): b"old"}


def test_what_is_put_between_two_commits_is_there_together_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    store.put("a", "1", b"x")
    store.commit()
    assert store.flush(10.0)
    store.put("a", "2", b"x")  # the process dies before the commit
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").write_bytes(Path(f"{file}{suffix}").read_bytes())
    assert SqliteStore(copy).found == {("a", "1"): b"x"}
    store.close()
    assert len(SqliteStore(file).found) == 2


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "another file", "not even the folder"])
def test_a_file_that_somebody_removes_is_put_back(tmp_path: Path, left: str) -> None:
    file = tmp_path / "deep" / "ocpp.db"
    store = SqliteStore(file)
    store.put("a", "1", b"x")
    assert store.flush(10.0)
    for each in file.parent.iterdir():
        each.unlink()
    match left:
        case "an empty folder":
            file.mkdir()
        case "another file":
            file.write_text("of somebody else")
        case "not even the folder":
            file.parent.rmdir()
    for key in ("2", "3"):
        store.put("a", key, b"y")
        assert store.flush(10.0)
    assert store.trouble == f"OCPP store {file}: it was removed, and has been written again"
    store.close()
    assert SqliteStore(file).found == {("a", "1"): b"x", ("a", "2"): b"y", ("a", "3"): b"y"}
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("removed", ["ocpp.db", "ocpp.db-wal"])
def test_a_file_is_removed_and_what_is_beside_it_stays(tmp_path: Path, removed: str) -> None:
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    store.put("a", "1", b"x")
    assert store.flush(10.0)
    (tmp_path / removed).unlink()
    store.put("a", "2", b"y")
    assert store.flush(10.0)
    copy = SqliteStore(file)  # as the next process finds it after a power cut
    assert copy.found == {("a", "1"): b"x", ("a", "2"): b"y"}


def test_a_place_that_is_taken_is_named_and_nobody_waits(tmp_path: Path) -> None:
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    store.put("a", "1", b"x")
    assert store.flush(10.0)
    file.unlink()
    (file / "not empty").mkdir(parents=True)
    number = store.put("a", "2", b"y")
    assert store.flush(10.0)
    assert store.committed == number
    assert store.trouble is not None
    assert "clear its place" in store.trouble
    (file / "not empty").rmdir()
    store.put("a", "3", b"z")
    assert store.flush(10.0)
    store.close()
    assert len(SqliteStore(file).found) == 3


def test_rows_are_tried_again_without_a_new_one(tmp_path: Path) -> None:
    """The end of a transaction may be the last one for a long time."""
    file = tmp_path / "ocpp.db"
    store = SqliteStore(file)
    other = sqlite3.connect(file, isolation_level=None)
    assert store._connection is not None
    store._connection.execute("PRAGMA busy_timeout=1")
    other.execute("BEGIN IMMEDIATE")
    number = store.put("a", "1", b"x")
    assert store.flush(10.0)
    assert store.committed < number
    other.execute("ROLLBACK")
    store._again_s = 0.0  # time has passed
    assert store.flush(10.0)
    assert store.committed == number
