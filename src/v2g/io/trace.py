r"""The session trace: one line for each event, in a file that people read and `grep` searches.

    2026-03-01T09:15:02.318Z evse=1 session=4A6C0D93E1B7F205 INFO phase PRECHARGE -> CHARGE_LOOP
    2026-03-01T09:15:07.102Z evse=1 session=4A6C0D93E1B7F205 ERROR 0x04 EXI decode failure: iso20-dc: ...

`grep -i error` finds the faults and nothing else: elsewhere the word's first letter is written as `\u0065`, which JSON
reads as the same text. Control characters in what a car sent are escaped, so that it cannot forge lines. Lines about
strangers, who have no session, carry `session=stranger`.
"""

import json
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from v2g.io.stranger_limit import PERIOD_S, StrangerLimit
from v2g.io.system_log import SystemLog
from v2g.io.writer import Writer
from v2g.iso15118.edition import body_name
from v2g.iso15118.event import Received, Sent
from v2g.kernel.errors import V2GError
from v2g.kernel.printable import escaped, printable
from v2g.station.event import Event, StrangerRefused
from v2g.station.text import describe

MOST_WAITING = 10_000
"""Lines that wait for a slow disk; more are lost, and counted."""
_ERROR = re.compile("e(?=rror)", re.IGNORECASE)
_FORGED = re.compile(r"e(?=rror\s*0x)", re.IGNORECASE)
"""What `grep 'ERROR 0x20'` would find, in the text of another fault."""


class TraceError(V2GError):
    """The trace cannot be written. Names the file and the remedy."""


class SessionTrace:
    """Writes events as lines, in order, beside the event loop.

    A file that was renamed or removed (logrotate) is opened again by itself. Lines that find no room on the disk are
    lost; their number follows once there is room.
    """

    def __init__(
        self,
        file: Path | None,
        level: str = "info",
        *,
        echo: TextIO | None = None,
        system: SystemLog | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`level`: `debug` adds every message. `echo`: gets the lines as well, at once. `system`: those that
        it wants. `clock`: seconds since 1970.

        Raises `TraceError` if the file cannot be opened, or is no file.
        """
        self._file, self._echo, self._system, self._clock = file, echo, system, clock
        self._debug = level == "debug"
        self._strangers = StrangerLimit()
        self._waiting: deque[str] = deque()
        self._overflow = 0
        """Lines so far that the queue had no room for."""
        self._writer = Writer(self._write_waiting, "trace")
        self._descriptor: int | None = None
        """This and what follows belongs to the writer's thread, once the file is open."""
        self._lost, self._overflow_seen = 0, 0
        self._torn, self._reopen = False, False
        """Whether the last line was cut; whether the file has to be opened again."""
        if file is not None:
            try:
                file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._descriptor, self._torn = _open(file)
            except OSError as error:
                remedy = "let this user write there, or set trace.file in the configuration"
                raise TraceError(f"trace {file}: {error.strerror}; {remedy}") from error

    def write(self, evse: int, session_id: str, event: Event) -> None:
        """One event of an EVSE. `session_id`: hexadecimal; empty while there is no session."""
        if isinstance(event, Received | Sent) and not self._debug:
            return
        now_s = self._clock()
        for kind, hidden in self._strangers.over(now_s):
            self._summarise(kind, hidden)
        stranger = isinstance(event, StrangerRefused)
        if isinstance(event, StrangerRefused):
            # Searches, connections and each kind of failure have limits of their own.
            kind = evse, event.fault or event.peer.partition(" ")[0]
            if not self._strangers.admits(kind, now_s):
                return
        level, text = _describe(event)
        text = escaped(text) if level == "DEBUG" else printable(text)
        text = (_FORGED if level == "ERROR" else _ERROR).sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        self._line(str(evse), "stranger" if stranger else session_id or "-", level, text)

    def reopen(self) -> None:
        """Open the file again, for SIGHUP. If that fails the old one stays in use."""
        if self._file is not None:
            self._reopen = True
            self._writer.due()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all lines so far are written, or lost; whether it came in time."""
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Write what is left, if the disk takes it in time."""
        for kind, hidden in self._strangers.all():
            self._summarise(kind, hidden)
        if self._writer.close() and self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        if self._system is not None:
            self._system.close()

    def _summarise(self, kind: object, hidden: int) -> None:
        evse = kind[0] if isinstance(kind, tuple) else "-"
        what = kind[1] if isinstance(kind, tuple) else kind
        name = getattr(what, "code", what)
        self._line(str(evse), "stranger", "WARNING", f"{hidden} more lines like these ({name}) within {PERIOD_S:g} s")

    def _line(self, evse: str, session: str, level: str, text: str) -> None:
        line = f"{self._moment()} evse={evse} session={session} {level} {text}\n"
        if self._echo is not None:
            self._echo.write(line)
            self._echo.flush()
        if self._system is not None:
            self._system.write(level, evse, session, text)
        if self._descriptor is None:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._overflow += 1
        else:
            self._waiting.append(line)
            self._writer.due()

    def _moment(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        return f"{moment[: -len('+00:00')]}Z"

    # In the writer's thread

    def _write_waiting(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if self._reopen or _was_moved(self._file, self._descriptor):
            self._reopen = False
            self._open_again()
        overflow = self._overflow
        self._lost, self._overflow_seen = self._lost + overflow - self._overflow_seen, overflow
        head = "\n" if self._torn else ""
        if self._lost and lines:
            head += f"{self._moment()} evse=- session=- WARNING {self._lost} lines could not be written\n"
        data = (head + "".join(lines)).encode()
        written = self._write(data)
        if written:
            self._lost, self._torn = data[written:].count(b"\n"), data[written - 1 : written] != b"\n"
        else:
            self._lost += len(lines)

    def _write(self, data: bytes) -> int:
        """How many octets the disk took: a full disk must not end a session."""
        assert self._descriptor is not None
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            pass
        return written

    def _open_again(self) -> None:
        assert self._file is not None
        try:
            opened, self._torn = _open(self._file)
        except OSError:
            return
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = opened


def _open(file: Path) -> tuple[int, bool]:
    """The file, and whether its last line was cut by a power failure or a full disk.

    Raises `OSError`, also for a pipe or a device: its reader could hold the station up.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is a pipe or a device, not a file")
    size = os.fstat(descriptor).st_size
    return descriptor, size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _was_moved(file: Path | None, descriptor: int | None) -> bool:
    if file is None or descriptor is None:
        return False
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
    name, payload = body_name(event.message), event.payload.hex().upper()
    return "DEBUG", f"{verb} {name} protocol={event.protocol} payload={payload} document={document}"
