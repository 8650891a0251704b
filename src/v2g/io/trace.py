r"""The session trace: one line for each event, in a file that people read and `grep` searches.

    2026-03-01T09:15:02.318Z evse=1 session=4A6C0D93E1B7F205 INFO phase PRECHARGE -> CHARGE_LOOP
    2026-03-01T09:15:07.102Z evse=1 session=4A6C0D93E1B7F205 ERROR 0x04 EXI decode failure: iso20-dc: ...

`grep -i error` finds the faults and nothing else: elsewhere the word's first letter is written as `\u0065`, which JSON
reads as the same text. Control characters in what a car sent are escaped, so that it cannot forge lines.
"""

import json
import os
import re
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from v2g.iso15118.event import Received, Sent
from v2g.kernel.errors import V2GError
from v2g.kernel.printable import printable
from v2g.station.event import Event, StrangerRefused
from v2g.station.text import describe

MOST_STRANGERS, STRANGERS_S = 20, 60.0
"""Write at most this many lines about refused strangers in this time; then one line says how many more there were."""
_ERROR = re.compile("e(?=rror)", re.IGNORECASE)


class TraceError(V2GError):
    """The trace cannot be written. Names the file and the remedy."""


class SessionTrace:
    """Writes events as lines. A file that was renamed or removed (logrotate) is opened again by itself."""

    def __init__(
        self,
        file: Path | None,
        level: str = "info",
        *,
        echo: TextIO | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`level`: `debug` adds every message. `echo`: gets the lines as well. `clock`: seconds since 1970.

        Raises `TraceError` when the file cannot be opened.
        """
        self._file, self._echo, self._clock = file, echo, clock
        self._debug = level == "debug"
        self._descriptor: int | None = None
        self._lost = 0
        self._strangers, self._minute_s = 0, float("-inf")
        """Refusals of strangers since this time."""
        if file is not None:
            try:
                file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._open(file)
            except OSError as error:
                remedy = "let this user write there, or set trace.file in the configuration"
                raise TraceError(f"trace {file}: {error.strerror}; {remedy}") from error

    def write(self, evse: int, session_id: str, event: Event) -> None:
        """One event of an EVSE. `session_id`: hexadecimal; empty while there is no session."""
        if isinstance(event, Received | Sent) and not self._debug:
            return
        stranger = isinstance(event, StrangerRefused)
        if stranger and not self._admits():
            return
        level, text = _describe(event)
        text = text if text.isprintable() else printable(text)
        if level != "ERROR":
            text = _ERROR.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        session = "stranger" if stranger else session_id or "-"
        self._line(str(evse), session, level, text)

    def _line(self, evse: str, session: str, level: str, text: str) -> None:
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")[: -len("+00:00")]
        self._append(f"{moment}Z evse={evse} session={session} {level} {text}\n")

    def _admits(self) -> bool:
        """Whether another line about strangers may be written: they must not fill the disk, or hide a session."""
        now = self._clock()
        if now - self._minute_s >= STRANGERS_S:
            hidden, self._strangers, self._minute_s = self._strangers - MOST_STRANGERS, 0, now
            if hidden > 0:
                self._line("-", "-", "WARNING", f"{hidden} more refusals of strangers in the last {STRANGERS_S:g} s")
        self._strangers += 1
        return self._strangers <= MOST_STRANGERS

    def reopen(self) -> None:
        """Open the file again, for SIGHUP. If that fails the old one stays in use."""
        if self._file is not None:
            before = self._descriptor
            try:
                self._open(self._file)
            except OSError:
                return
            if before is not None:
                os.close(before)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self, file: Path) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):  # its reader could hold the station up
            os.close(descriptor)
            raise OSError(0, "it is a pipe or a socket, no file")
        self._descriptor = descriptor

    def _append(self, line: str) -> None:
        if self._echo is not None:
            self._echo.write(line)
            self._echo.flush()
        if self._descriptor is None or self._file is None:
            return
        if self._was_moved(self._file, self._descriptor):
            self.reopen()
        if self._lost:
            line = f"{line[:24]} evse=- session=- WARNING {self._lost} lines could not be written\n{line}"
        try:
            os.write(self._descriptor, line.encode())
            self._lost = 0
        except OSError:  # a full disk must not end a session
            self._lost += 1

    @staticmethod
    def _was_moved(file: Path, descriptor: int) -> bool:
        try:
            return not os.path.samestat(os.stat(file), os.fstat(descriptor))
        except OSError:
            return True


def _describe(event: Event) -> tuple[str, str]:
    if not isinstance(event, Received | Sent):
        return describe(event)
    from v2g.messages.document import to_document  # the level info does without

    verb = "received" if isinstance(event, Received) else "sent"
    document = json.dumps(to_document(event.message), separators=(",", ":"))
    name, payload = type(event.message).__name__, event.payload.hex().upper()
    return "DEBUG", f"{verb} {name} protocol={event.protocol} payload={payload} document={document}"
