"""What is read of a path that a person names: regular files, and nothing that would wait or never end."""

import os
import socket
from pathlib import Path

import pytest

from v2g.kernel import regular_file


def test_a_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ä")
    (tmp_path / "link").symlink_to("file")
    assert regular_file.read(tmp_path / "link") == "ä".encode()
    assert regular_file.read_text(tmp_path / "link") == "ä"


def test_a_pipe_a_socket_and_a_device_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "pipe", tmp_path / "link", tmp_path / "socket", Path("/dev/zero")):
            with pytest.raises(OSError, match="no regular file") as refused:
                regular_file.read(path)
            assert (refused.value.filename, refused.value.strerror) == (
                str(path),
                "a pipe, a socket or a device, no regular file",
            )


def test_what_is_written_may_go_to_a_device_but_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe or a socket, no file"):
        regular_file.check_written(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "new"):
        regular_file.check_written(path)


def test_a_secret_is_nobody_else_s_from_the_beginning_on(tmp_path: Path) -> None:
    with regular_file.written(tmp_path / "secret", 0o600) as file:
        assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
        file.write("ä")
    assert regular_file.read_text(tmp_path / "secret") == "ä"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux that is always full")
def test_a_full_disk_is_named_by_the_file() -> None:
    with pytest.raises(OSError, match="/dev/full"), regular_file.written(Path("/dev/full"), 0o600) as file:
        file.write("x")


@pytest.mark.parametrize(
    ("size", "fits"), [(regular_file.LARGEST_BYTES, True), (regular_file.LARGEST_BYTES + 1, False)]
)
def test_a_file_may_be_large_but_not_endless(tmp_path: Path, size: int, fits: bool) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(size)
    if fits:
        assert len(regular_file.read(tmp_path / "file")) == size
        return
    with pytest.raises(OSError, match="larger than 64 MiB"):
        regular_file.read(tmp_path / "file")


def test_whatever_else_is_wrong_has_the_system_s_words(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe4")
    with pytest.raises(FileNotFoundError):
        regular_file.read(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        regular_file.read(tmp_path)
    with pytest.raises(OSError, match="not UTF-8 text"):
        regular_file.read_text(tmp_path / "latin")
