"""`v2g depot doctor`: what a technician would look at first on a depot's machine, each finding with its remedy."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli import doctor
from v2g.cli.arguments import add_json

if TYPE_CHECKING:
    from v2g.depot.configuration import Configuration
    from v2g.run.doctor import Finding


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    found = actions.add_parser("doctor", help="what may be wrong on this machine, and what to do about it")
    found.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
    add_json(found)


def run(args: argparse.Namespace, configuration: "Configuration") -> int:
    """Returns 0, or 1 if there is a fault."""
    return doctor.show(list(_examine(configuration)), as_json=args.json)


def _examine(configuration: "Configuration") -> "Iterator[Finding]":
    from v2g.run import depot_doctor
    from v2g.run.doctor import clock

    yield from clock()
    yield from depot_doctor.ledger(configuration.ledger)
    yield from depot_doctor.growth(configuration.ledger, configuration.ledger_days)
    yield depot_doctor.plan()
    yield from depot_doctor.secrets(configuration)
    yield from depot_doctor.certificates(configuration, time.time())
    yield from _running(configuration.control.socket)


def _running(socket: Path) -> "Iterator[Finding]":
    """What a running depot knows; that none runs is a finding."""
    from v2g.io.control import ControlError, request
    from v2g.run import depot_doctor
    from v2g.run.depot import Status
    from v2g.run.doctor import Finding, Level

    try:
        status = request(socket, Status(), start="v2g depot --config FILE")
    except ControlError as error:
        yield Finding.of("depot", Level.FAULT, str(error))
        return
    yield from depot_doctor.running(status)
