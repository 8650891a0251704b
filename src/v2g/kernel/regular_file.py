"""Files that a person names.

Opening a named pipe waits for its other end, perhaps forever. A device may have no end, or act when it is opened. So
neither is opened where a file is to be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EFBIG, EILSEQ, EINVAL
from pathlib import Path
from typing import TextIO

LARGEST_BYTES = 64 * 1024 * 1024
"""Of a file that is read as a whole."""


def check(path: Path) -> None:
    """Raises `OSError` if a pipe, a socket or a device is there. Whatever else is wrong shows when it is opened."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(EINVAL, "a pipe, a socket or a device, no regular file", str(path))


def check_written(path: Path) -> None:
    """Raises `OSError` if a pipe or a socket is there. A device is in order: `/dev/null`, `/dev/stderr`."""
    if path.is_fifo() or path.is_socket():
        raise OSError(EINVAL, "a pipe or a socket, no file", str(path))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Around what writes a file: an `OSError` names it also if the disk is full, of which the system only says that."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def written(path: Path, permissions: int) -> Iterator[TextIO]:
    """The file, to be written in the place of what was there; a new one has these permissions from the beginning on.
    Raises `OSError`, which names the file."""
    with named(path):
        path.touch(permissions)
        with path.open("w", encoding="utf-8") as file:
            yield file


def write_text(path: Path, text: str) -> None:
    """Write it in the place of what was there. Raises `OSError`, which names the file."""
    with named(path):
        path.write_text(text, encoding="utf-8")


def read(path: Path) -> bytes:
    """The content of a regular file. Raises `OSError`, with the reason in `strerror`."""
    content = beginning(path, LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise OSError(EFBIG, f"larger than {LARGEST_BYTES >> 20} MiB", str(path))
    return content


def beginning(path: Path, size: int) -> bytes:
    """The first `size` octets of a regular file, or all if it has fewer. Raises `OSError`, with the reason in
    `strerror`."""
    check(path)
    with path.open("rb") as file:
        return file.read(size)


def entries(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that say something, with their numbers: no empty ones, none that begins with `#`. Raises
    `OSError`, with the reason in `strerror`."""
    lines = enumerate(read_text(path).splitlines(), 1)
    return [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]


def read_text(path: Path) -> str:
    """The text of a regular file. Raises `OSError`, also if it is not UTF-8."""
    try:
        return read(path).decode()
    except UnicodeError as error:
        raise OSError(EILSEQ, "not UTF-8 text", str(path)) from error
