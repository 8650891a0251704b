"""`v2g doctor`: what a technician would look at first on the machine of a station, each finding with its remedy."""

import argparse
import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli.arguments import add_json
from v2g.cli.daemon import DEFAULT_CONFIG
from v2g.cli.terminal import width

if TYPE_CHECKING:
    from v2g.run.doctor import Finding
    from v2g.station.config.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )
    parser.add_argument("--no-tls", action="store_true", help="without the certificates, as for `v2g daemon --no-tls`")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if there is a fault."""
    return show(list(_examine(args.config, tls=not args.no_tls)), as_json=args.json)


def show(found: "list[Finding]", *, as_json: bool) -> int:
    """Print the findings. Returns 0, or 1 if there is a fault."""
    from v2g.run.doctor import Level

    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(_row(each))
        counts = {level: sum(each.level is level for each in found) for level in Level}
        print(", ".join(f"{count} {level}" for level, count in counts.items()))
    return 1 if any(each.level is Level.FAULT for each in found) else 0


def _examine(file: Path, *, tls: bool) -> "Iterator[Finding]":
    """Without a configuration that can be read: the machine, and a daemon at the usual place."""
    from v2g.run import doctor
    from v2g.station.config.settings import Control

    settings, findings = _configuration(file)
    yield from findings
    root, socket = Path("/"), (Control() if settings is None else settings.control).socket
    yield from doctor.kernel(root)
    yield from doctor.scheduling(root, _pid(socket))
    yield from doctor.clock()
    if settings is not None:
        yield from doctor.disks(settings)
        for evse in settings.evses:
            yield from doctor.interface(evse)
        if tls:
            yield from doctor.certificates(settings)
    yield from _daemon(socket, back_end=settings is not None and settings.ocpp is not None)
    records = doctor.read_kernel_messages(root / "dev/kmsg")
    if records is None:
        yield doctor.Finding("kernel messages", doctor.Level.NOTE, "this user may not read them", "run it as root")
    else:
        yield from doctor.kernel_messages(records)


def _configuration(file: Path) -> "tuple[Settings | None, list[Finding]]":
    """What the file says, and what is to be said about it: a daemon that runs need not have it yet."""
    from v2g.io.configuration import load
    from v2g.kernel.errors import V2GError
    from v2g.run.doctor import Finding, Level

    try:
        settings, warnings = load(file)
    except V2GError as error:
        settings, level, lines = None, Level.FAULT, str(error).splitlines()
    else:
        level, lines = Level.WARNING, warnings
    found = [Finding.of("configuration", level, each) for each in lines]
    return settings, found or [Finding("configuration", Level.GOOD, str(file))]


def _daemon(socket: Path, *, back_end: bool) -> "Iterator[Finding]":
    """What a running daemon knows; that none runs is a finding."""
    from v2g.io.control import ControlError, request
    from v2g.run import doctor
    from v2g.station.command import Ocpp, Status

    try:
        status: dict[str, Any] = request(socket, Status())
        link = request(socket, Ocpp()) if back_end else None
    except ControlError as error:
        yield doctor.Finding.of("daemon", doctor.Level.FAULT, str(error))
        return
    yield from doctor.running(status)
    if link is not None:
        yield from doctor.back_end(link)


def _pid(socket: Path) -> int | None:
    """Of the process that listens there."""
    from v2g.io.control import listener

    return listener(socket)


def _row(finding: "Finding") -> str:
    head = f"{finding.level:8} {finding.subject}: "
    lines = textwrap.wrap(head + finding.text, width(), subsequent_indent=" " * 9)
    if finding.remedy:
        lines += textwrap.wrap(finding.remedy, width(), initial_indent=" " * 9 + "-> ", subsequent_indent=" " * 12)
    return "\n".join(lines)
