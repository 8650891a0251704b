"""What each EVSE was doing, on disk: a daemon that starts again knows what it, or a crash, has left behind.

The hardware does not depend on it: its watchdogs act by themselves, and every start commands the safe state. The
journal says what to look at.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One EVSE. The default is at rest."""

    stage: str = "OFF"
    """Of the power path, as `v2g status` shows it."""
    session: str = ""
    evcc_id: str = ""
    contactor_closed: bool = False
    """As commanded."""
    since: str = ""
    """When the stage began, UTC."""

    @property
    def at_rest(self) -> bool:
        return self.stage == "OFF" and not self.contactor_closed


class Journal:
    """The file. A journal that cannot be read or written stops nothing: `trouble` says why."""

    def __init__(self, file: Path | None) -> None:
        self.trouble: str | None = None
        self.found: dict[int, Entry] = {}
        """What the last process left behind, by EVSE."""
        self._file = file
        self._entries: dict[int, Entry] = {}
        if file is not None:
            try:
                self.found = msgspec.json.decode(file.read_bytes(), type=dict[int, Entry])
            except FileNotFoundError:
                pass
            except (OSError, msgspec.DecodeError) as error:
                self.trouble = f"journal {file}: {error}; what the last process left behind is not known"

    def note(self, evse: int, entry: Entry) -> None:
        """The EVSE's state; written when it is another one, and whole or not at all."""
        before = self._entries.get(evse, Entry())
        if self._file is None or entry == msgspec.structs.replace(before, since=""):
            return
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._entries[evse] = msgspec.structs.replace(entry, since=since)
        temporary = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(self._entries))
            os.replace(temporary, self._file)
        except OSError as error:
            self.trouble = f"journal {self._file}: {error.strerror}; let this user write there, or set `journal`"
