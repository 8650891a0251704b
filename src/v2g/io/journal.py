"""What must survive a restart, in a file: whole or not at all."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from v2g.station.kept import Entry, KeptEvse


class Journal:
    """`v2g.station.kept.Keeper` on a file. One that cannot be read or written stops nothing: `trouble` says why."""

    def __init__(self, file: Path | None) -> None:
        self.trouble: str | None = None
        self.found: dict[int, KeptEvse] = {}
        self._file = file
        self._kept: dict[int, KeptEvse] = {}
        if file is not None:
            try:
                self.found = msgspec.json.decode(file.read_bytes(), type=dict[int, KeptEvse])
            except FileNotFoundError:
                pass
            except (OSError, ValueError, RecursionError) as error:
                self.trouble = f"journal {file}: {error}; what the last process left behind is not known"
        self._kept = {number: replace(kept, entry=Entry()) for number, kept in self.found.items()}

    def keep(self, evse: int, state: KeptEvse) -> None:
        """The state of this EVSE; written when it is another one."""
        before = self._kept.get(evse, KeptEvse())
        if self._file is None or state == replace(before, entry=replace(before.entry, since="")):
            return
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._kept[evse] = replace(state, entry=replace(state.entry, since=since))
        temporary = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            with open(temporary, "wb") as stream:
                stream.write(msgspec.json.encode(self._kept))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, self._file)
        except OSError as error:
            self.trouble = (
                f"{self._file}: {error.strerror}; let this user write there, or name another file under `kept`"
            )
