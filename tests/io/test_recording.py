"""The ring of recordings on a real disk."""

from pathlib import Path

import pytest
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.io.recording import FLUSH_BYTES, SUFFIX, Ring, read
from v2g.station.recorded import RecordedEvse
from v2g.station.replay import RecordingError, Segment

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
    assert header["evse"] == OUTLET.id
    assert [each for _, _, found in Segment(snapshot).replay(turns) for each in found] == []


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


def test_a_directory_that_cannot_be_had_is_trouble_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ring = Ring(tmp_path / "file" / "recording", LIMIT)
    ring.begin(1, b"snapshot")
    ring.take(1, bytes(FLUSH_BYTES))
    ring.close()
    assert ring.trouble is not None
    assert "recording" in ring.trouble
