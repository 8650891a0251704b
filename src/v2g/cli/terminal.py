"""The terminal: text that cannot act on it, whatever a car, a peer or a file names; its width; progress on it."""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shutil import get_terminal_size
from typing import Any, TextIO, cast

from v2g.kernel.printable import escaped, printable

REDRAW_S = 0.1
_STDERR = 2


class _Shown:
    """A text stream on which everything but newlines is escaped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(text if text.isprintable() else "\n".join(map(escaped, text.split("\n"))))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def shown() -> Iterator[None]:
    """While this lasts, `sys.stdout` and `sys.stderr` pass on printable text and newlines alone."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Shown(_open(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _open(stream: TextIO | None) -> TextIO:
    """The stream, or nowhere if whoever started this has closed it: no socket may get the number of a standard one."""
    if stream is not None:
        return stream
    number = os.open(os.devnull, os.O_RDWR)
    while number <= _STDERR:
        number = os.dup(number)
    return os.fdopen(number, "w")


def announce(text: str, *, warning: bool = False) -> None:
    """A line of a process that serves, which goes on if nobody takes it: on a full disk, without a reader or with a
    reader that stands still. A warning goes to the standard error."""
    stream = sys.stderr if warning else sys.stdout
    with suppress(OSError):
        if _takes(stream):
            print(printable(f"v2g: warning: {text}" if warning else text), file=stream, flush=True)


def _takes(stream: TextIO) -> bool:
    """Whether a write would return at once."""
    try:
        number = stream.fileno()
    except OSError:  # no file, as in a test
        return True
    asked = select.poll()
    asked.register(number, select.POLLOUT)
    return bool(asked.poll(0))


def complain(text: str) -> None:
    """Explain on the standard error why a command does not do what it should."""
    print("\n".join(map(printable, f"v2g: error: {text}".split("\n"))), file=sys.stderr)  # bounded as well


def warn(text: str) -> None:
    """Say on the standard error what a person should know although the command goes on."""
    print(printable(f"v2g: warning: {text}"), file=sys.stderr)


def width() -> int:
    """Columns for text: those of the terminal, from 40 to 80."""
    return max(min(get_terminal_size().columns, 80), 40)


class Progress:
    """How far a longer piece of work is: one line on the terminal, written again and again, and removed at the end.

    Nothing at all if the standard error is not a terminal.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._stream = sys.__stderr__ if sys.__stderr__ is not None and sys.__stderr__.isatty() else None
        self._begun_s = self._drawn_s = time.monotonic()

    def step(self, count: int = 1) -> None:
        """So much more is done."""
        self._done += count
        now = time.monotonic()
        if self._stream is None or now - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = now
        of = "" if self._total is None else f" of {self._total}"
        line = f"{self._done}{of} {self._what}, {now - self._begun_s:.0f} s"
        self._stream.write(f"\r{line[: width() - 1]}\x1b[K")
        self._stream.flush()

    def remove(self) -> None:
        """Leave the line to the results; before each line of them, as at the end."""
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
