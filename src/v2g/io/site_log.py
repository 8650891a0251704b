"""The grid operator's log: each limit with its times and what was drawn meanwhile. Rows are added, never changed."""

import os
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from v2g.depot.site.grid_limit import Bound
from v2g.kernel.errors import V2GError

HEAD = "time,event,by,charge_limit_w,feed_limit_w,chargers_w,connection_w\n"
EVERY_S = 60.0
"""Between two rows while a limit holds."""


class LimitLog:
    """One file. A row when a limit begins, changes or ends, and each minute between."""

    def __init__(self, file: Path) -> None:
        """Raises `V2GError` if it cannot be written."""
        self._file = file
        self._bound: Bound | None = None
        self._written_s = float("-inf")
        try:
            self._add("")
        except OSError as error:
            raise V2GError(f"control_box.log: {file}: {error.strerror}; let this user write it") from error

    def see(self, bound: Bound, chargers_w: float, connection_w: float | None, now: float, unix_s: float) -> None:
        """What holds now, and what is measured. Raises `V2GError` if the row cannot be written."""
        changed = self._bound is None or bound != self._bound
        if not changed and not (bound.by and now - self._written_s >= EVERY_S):
            return
        event = "holds" if not changed else "begins" if bound.by else "free"
        numbers = (bound.charge_w, bound.feed_w, chargers_w, float("nan") if connection_w is None else connection_w)
        time = datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")
        texts = [f"{each:.0f}" if isfinite(each) else "" for each in numbers]
        try:
            self._add(",".join([time, event, bound.by.replace(",", ";"), *texts]) + "\n")
        except OSError as error:
            raise V2GError(f"control_box.log: {self._file}: {error.strerror}; rows are missing there") from error
        self._bound, self._written_s = bound, now

    def _add(self, line: str) -> None:
        with open(self._file, "ab+", opener=lambda path, flags: os.open(path, flags, 0o640)) as file:
            before = HEAD  # also of a file in the place of one that was moved aside meanwhile
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                before = "" if file.read() == b"\n" else "\n"  # the disk may have been full half-way
            file.write((before + line).encode())
            file.flush()
            os.fsync(file.fileno())
