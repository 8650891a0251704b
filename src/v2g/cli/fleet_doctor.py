"""`v2g fleet doctor`: what may be wrong with a fleet, each finding with its remedy."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli import doctor
from v2g.cli.arguments import add_json

if TYPE_CHECKING:
    from v2g.fleet.configuration import FleetConfiguration
    from v2g.run.doctor import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(args: argparse.Namespace, configuration: "FleetConfiguration") -> int:
    """Returns 0, or 1 if there is a fault."""
    return doctor.show(list(_examine(configuration)), as_json=args.json)


def _examine(configuration: "FleetConfiguration") -> "Iterator[Finding]":
    import asyncio

    from v2g.run import depot_doctor, fleet_doctor
    from v2g.run.doctor import clock

    status = _status(configuration.control.socket)
    yield from clock()
    yield from depot_doctor.ledger(configuration.ledger, "entry", "fleet")
    yield from depot_doctor.secrets(configuration)
    if isinstance(status, dict) and status["embedded"]:
        yield fleet_doctor.embedded()
    else:
        yield from asyncio.run(fleet_doctor.servers(configuration))
        yield from asyncio.run(fleet_doctor.stream(configuration))
    if isinstance(status, dict):
        yield from fleet_doctor.running(status)
    else:
        yield status


def _status(socket: Path) -> "dict[str, Any] | Finding":
    """What a running fleet knows; that none runs is a finding."""
    from v2g.io.control import ControlError, request
    from v2g.run.doctor import Finding, Level
    from v2g.run.fleet import Status

    try:
        found: dict[str, Any] = request(socket, Status(), start="v2g fleet --config FILE")
    except ControlError as error:
        return Finding.of("fleet", Level.FAULT, str(error))
    return found
