"""The machine that is hardened: its files below a root, its commands, and the ledger of what was changed."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from v2g.kernel.errors import V2GError
from v2g.kernel.printable import escaped

LEDGER = Path("var/lib/v2g-harden/changes.json")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HardenError(V2GError):
    """A step failed; the text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The files below `root`; the commands only if that is `/` itself, and the machine runs."""

    root: Path = Path("/")

    @property
    def live(self) -> bool:
        """Whether this is the running machine, and no image of one."""
        return self.root == Path("/")

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs it."""
        return self.live and Path("/run/systemd/system").is_dir()

    def at(self, path: Path) -> Path:
        """Where a file of the machine is found."""
        return self.root / path.relative_to("/")

    def read(self, path: Path) -> str | None:
        """Text of a file; None if there is none that this user may read."""
        try:
            return self.at(path).read_text(errors="surrogateescape")
        except OSError:
            return None

    def has(self, command: str) -> bool:
        """Whether a command is installed."""
        return shutil.which(command, path=PATH) is not None

    def run(self, command: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command. Raises `HardenError` if it cannot be started."""
        try:
            return subprocess.run(
                command, input=stdin, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH}
            )
        except OSError as error:
            raise HardenError(f"`{' '.join(command)}`: {error.strerror or error}; install it") from error

    def must(self, command: Sequence[str], stdin: str = "") -> str:
        """Its output. Raises `HardenError` with its own words if it fails."""
        done = self.run(command, stdin)
        if done.returncode:
            words = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
            raise HardenError(f"`{' '.join(command)}`: {words}")
        return done.stdout


@dataclass(frozen=True, slots=True)
class Act:
    """A command, with what it reads."""

    command: tuple[str, ...]
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """A file with this content."""

    path: Path
    content: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Permit:
    """A file with these permissions."""

    path: Path
    mode: int


@dataclass(frozen=True, slots=True)
class Run:
    """A command, and those that undo it."""

    do: Act | None
    undo: tuple[Act, ...] = ()


Change = Write | Permit | Run


def shown(machine: Machine, change: Change) -> str:
    """The change, for a person who decides about it."""
    if isinstance(change, Write):
        state = "replaces" if machine.at(change.path).exists() else "writes"
        body = "\n".join(f"    | {escaped(line)}" for line in change.content.splitlines())
        return f"{state} {change.path} (mode {change.mode:04o}):\n{body}"
    if isinstance(change, Permit):
        now = stat.S_IMODE(machine.at(change.path).stat().st_mode)
        return f"sets the mode of {change.path} to {change.mode:04o} (it is {now:04o})"
    return "" if change.do is None else f"runs `{' '.join(change.do.command)}`"


def carry_out(machine: Machine, measure: str, change: Change) -> None:
    """Make the change, after the way back is in the ledger. Raises `HardenError`, `OSError`."""
    entry: dict[str, Any] = {"measure": measure}
    if isinstance(change, Run):
        entry["acts"] = [{"command": list(act.command), "stdin": act.stdin} for act in change.undo]
    else:
        entry["file"] = _before(machine, change.path)
    if change != Run(None):
        _save(machine, [*ledger(machine), entry])
    match change:
        case Write(path, content, mode):
            _write(machine.at(path), content, mode)
        case Permit(path, mode):
            machine.at(path).chmod(mode)
        case Run(Act(command, stdin)):
            try:
                machine.must(command, stdin)
            except HardenError:
                _save(machine, [*ledger(machine)[:-1], entry | {"failed": True}])
                raise


def ledger(machine: Machine) -> list[dict[str, Any]]:
    """What was changed and not undone, oldest first. Raises `HardenError` for a damaged one."""
    file = machine.root / LEDGER
    try:
        entries: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    except (OSError, ValueError) as error:
        raise HardenError(f"{file}: {error}; the way back is in it: restore it from a backup") from error
    return entries


def described(entry: dict[str, Any]) -> str:
    """What undoing an entry does."""
    if "acts" in entry:
        return "; ".join(f"runs `{' '.join(act['command'])}`" for act in entry["acts"])
    before = entry["file"]
    if before["content"] is None:
        return f"removes {before['path']}"
    return f"restores {before['path']} (mode {before['mode']:04o})"


def undo(machine: Machine) -> list[str]:
    """Undo all that can be, the last first, and forget it. Returns why each of the others could not be: these are kept.

    Raises `OSError` if the ledger cannot be written.
    """
    entries, kept, troubles = ledger(machine), list[dict[str, Any]](), list[str]()
    while entries:
        entry = entries.pop()
        try:
            _undo(machine, entry)
        except (HardenError, OSError) as error:
            if "failed" not in entry:  # otherwise there is nothing to be undone
                kept.insert(0, entry)
                troubles.append(f"{entry['measure']}: {because(error)}")
        _save(machine, entries + kept)
    return troubles


def because(error: HardenError | OSError) -> str:
    """Why a step failed, for a person."""
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)


def _undo(machine: Machine, entry: Mapping[str, Any]) -> None:
    for act in entry.get("acts", ()):
        machine.must(act["command"], act["stdin"])
    if "file" in entry:
        before = entry["file"]
        file = machine.at(Path(before["path"]))
        if before["content"] is None:
            with suppress(FileNotFoundError, NotADirectoryError):  # it was never written
                file.unlink()
        else:
            _write(file, before["content"], before["mode"])
            if os.geteuid() == 0:
                os.chown(file, before["uid"], before["gid"])


def _before(machine: Machine, path: Path) -> dict[str, Any]:
    file = machine.at(path)
    if not file.exists():
        return {"path": str(path), "content": None}
    state = file.stat()
    return {
        "path": str(path),
        "content": file.read_text(errors="surrogateescape"),
        "mode": stat.S_IMODE(state.st_mode),
        "uid": state.st_uid,
        "gid": state.st_gid,
    }


def _write(file: Path, content: str, mode: int) -> None:
    """Whole or not at all; the owner stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(content, errors="surrogateescape")
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from error
    beside.chmod(mode)
    if file.exists() and os.geteuid() == 0:
        os.chown(beside, file.stat().st_uid, file.stat().st_gid)
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(file)


def _save(machine: Machine, entries: list[dict[str, Any]]) -> None:
    """For root's eyes: it holds the content of files that were replaced."""
    file = machine.root / LEDGER
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(file, json.dumps(entries, indent=1), 0o600)
