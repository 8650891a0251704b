"""The ring of recordings on a real disk."""

import json
import os
import struct
import zlib
from pathlib import Path

import pytest
from msgspec import msgpack
from msgspec.json import encode
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.cli import main
from v2g.io.recording import AGAIN_S, FLUSH_BYTES, SUFFIX, Ring, read
from v2g.station.recorded import Heed, RecordedEvse, Result, Turn
from v2g.station.replay import RecordingError, Segment, decoded

LIMIT = 1 << 20


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{SUFFIX}"))


def recorded(directory: Path) -> Path:
    """A session of a few seconds, in one file."""
    ring, world = Ring(directory, LIMIT), World(OUTLET, INTENT)
    world.evse = RecordedEvse(OUTLET, world.plant.settings.rating, sink=ring)
    in_the_loop(world, 1.0)
    ring.close()
    assert ring.trouble is None
    (file,) = files(directory)
    return file


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    header, snapshot, turns = read(recorded(tmp_path / "made" / "by" / "the ring"))
    assert header.evse == OUTLET.id
    assert [each for _, _, found in Segment(snapshot).replay(turns) for each in found] == []


def test_a_recording_of_other_code_is_named_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, snapshot, turns = read(file := recorded(tmp_path))
    blocks = (encode(header), snapshot.replace(b"_readings", b"_readingz"), *turns)
    file.write_bytes(zlib.compress(b"".join(struct.pack(">I", len(each)) + each for each in blocks)))
    assert main(["replay", str(tmp_path)]) == 1
    _, line, _ = capsys.readouterr().out.splitlines()
    assert "the code that made this recording keeps another state (AttributeError" in line
    assert line.endswith("; replay it with that code")


def test_of_a_broken_file_what_is_whole_is_read(tmp_path: Path) -> None:
    file = recorded(tmp_path)
    whole = len(list(read(file)[2]))
    octets = file.read_bytes()
    file.write_bytes(octets[: len(octets) * 2 // 3])
    cut = len(list(read(file)[2]))
    assert 0 < cut < whole
    file.write_bytes(octets[: len(octets) // 2] + b"\xff" * 100 + octets[len(octets) // 2 + 100 :])
    assert len(list(read(file)[2])) < whole


@pytest.mark.parametrize("octets", [b"", b"\x00", b"not zlib at all", bytes(1 << 20)])
def test_what_is_no_recording_is_named(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / f"evse1{SUFFIX}"
    file.write_bytes(octets)
    with pytest.raises(RecordingError, match="is no recording"):
        read(file)


@pytest.mark.parametrize(
    "changed",
    [
        {"evse": None},
        {"unix_s": 1e300},
        {"unix_s": "now"},
        {"s": -1.0},
        {"s": 1e300},
        {"s": []},
        {"format": "v2g recording 0"},
    ],
)
def test_a_header_that_no_ring_writes_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    header = {"format": "v2g recording 1", "version": "1", "evse": 1, "unix_s": 1.8e9, "s": 1.0}
    file = segment(tmp_path, json.dumps(header).encode())
    assert read(file)[0].evse == 1
    for hostile in (header | changed, {name: header[name] for name in header if name not in changed}):
        file = segment(tmp_path, json.dumps(hostile).encode())
        with pytest.raises(RecordingError, match="is no recording"):
            read(file)


def test_a_header_nested_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is no recording"):
        read(segment(tmp_path, b"[" * 100_000))


def segment(directory: Path, header: bytes) -> Path:
    file = directory / f"evse1{SUFFIX}"
    file.write_bytes(zlib.compress(b"".join(struct.pack(">I", len(each)) + each for each in (header, b"snapshot"))))
    return file


def test_a_turn_at_a_time_that_no_clock_shows_is_refused() -> None:
    hour = msgpack.encode(Turn(Heed(3600.0), Result()))
    assert [each.call for each in decoded([hour])] == [Heed(3600.0)]
    for never_s in (1e300, -1.0, float("nan"), float("inf")):
        with pytest.raises(RecordingError, match="turn 1 of the recording cannot be read"):
            list(decoded([hour.replace(msgpack.encode(3600.0), msgpack.encode(never_s))]))


@pytest.mark.parametrize("octets", [b"", b"cut off"])
def test_of_a_directory_what_cannot_be_read_is_passed_over(
    tmp_path: Path, octets: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "ring")
    (broken := tmp_path / "ring" / f"evse1-0{SUFFIX}").write_bytes(octets)
    (tmp_path / "ring" / f"gone{SUFFIX}").symlink_to("nowhere")
    for words in (["replay"], ["trace", "export", "-o", str(tmp_path / "capture.pcapng")]):
        assert main([*words, str(tmp_path / "ring")]) == 0
        out, err = capsys.readouterr()
        assert "evse1-0.v2grec is passed over" in err
        assert "no difference; 1 could not be read" in out or "packets" in out
        assert main([*words, str(broken)]) == 2  # named, it is meant


def test_the_oldest_gives_way(tmp_path: Path) -> None:
    ring = Ring(tmp_path, LIMIT)
    (tmp_path / f"gone{SUFFIX}").symlink_to("nowhere")
    noise = Path("/dev/urandom").open("rb")  # noqa: SIM115 - closed below
    with noise:
        for number in range(20):
            ring.begin(1, bytes([number]))
            ring.take(1, noise.read(FLUSH_BYTES))
            assert ring._writer.flush(10.0)
    ring.close()
    left = [each for each in files(tmp_path) if each.exists()]
    assert sum(each.stat().st_size for each in left) <= LIMIT
    assert len(left) >= 3
    assert {read(each)[1] for each in left} == {bytes([number]) for number in range(20 - len(left), 20)}


def test_what_a_wrong_clock_dated_into_the_future_gives_way_first(tmp_path: Path) -> None:
    for name, year_s in (("last", 1.7e9), ("future", 2.5e9)):
        file = tmp_path / f"{name}{SUFFIX}"
        file.write_bytes(bytes(600))
        os.utime(file, (year_s, year_s))
    ring = Ring(tmp_path, 1000)
    ring.begin(1, b"snapshot")
    ring.close()
    assert {each.name.partition("-")[0] for each in files(tmp_path)} == {f"last{SUFFIX}", "evse1"}


def test_a_directory_that_cannot_be_had_is_trouble_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ring = Ring(tmp_path / "file" / "recording", LIMIT)
    ring.begin(1, b"snapshot")
    ring.take(1, bytes(FLUSH_BYTES))
    ring.close()
    assert ring.trouble is not None
    assert "recording" in ring.trouble


def test_a_recording_that_broke_off_begins_again_while_the_car_is_in_session(tmp_path: Path) -> None:
    (in_the_way := tmp_path / "disk").write_text("full")
    now, world = [0.0], World(OUTLET, INTENT)
    ring = Ring(in_the_way / "ring", LIMIT, lambda: now[0])
    world.evse = RecordedEvse(OUTLET, world.plant.settings.rating, sink=ring)

    def passes(seconds: float) -> str | None:
        world.run(1.0)
        now[0] += seconds
        world.run(0.1)
        ring._writer.due()
        assert ring._writer.flush(10.0)
        said, ring.trouble = ring.trouble, None
        return said

    in_the_loop(world, 1.0)
    assert "Not a directory; the recording is broken off; it begins again within 30 s" in str(passes(1.0))
    assert passes(AGAIN_S) is None  # said once
    in_the_way.unlink()
    assert passes(AGAIN_S - 2.0) is None
    assert passes(2.0) == f"{in_the_way}/ring: the recording goes on"
    assert passes(1.0) is None
    ring.close()
    (file,) = files(in_the_way / "ring")
    _, snapshot, turns = read(file)
    replayed = list(Segment(snapshot).replay(turns))
    assert len(replayed) > 10
    assert [each for _, _, found in replayed for each in found] == []
