"""A measure: what it is for, what is wrong with the machine, and what would put it right."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from v2g.harden.machine import Change, Machine
from v2g.harden.openings import Start
from v2g.station.config.settings import Settings


class Verdict(StrEnum):
    """Of one thing that was looked at."""

    PASS = "pass"  # noqa: S105
    FAIL = "FAIL"
    NOTE = "note"
    """Admitted by the configuration, and worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, and what to do about it."""

    measure: str
    verdict: Verdict
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """From what the measures are derived."""

    settings: Settings
    config: Path
    start: Start = field(default_factory=Start)
    firewall: str = "nftables"
    """nftables or iptables."""


Audit = Callable[[Wanted, Machine], Iterator[Finding]]
Changes = Callable[[Wanted, Machine], Iterator[Change]]


@dataclass(frozen=True, slots=True)
class Measure:
    """What it does is in its functions; `changes` yields what is missing, and nothing that is there already."""

    name: str
    purpose: str
    audit: Audit
    changes: Changes


def no_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """Of a measure that only looks."""
    yield from ()
