"""What a case is: a function for the tester, registered by the numbers that it shows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib.resources import files
from typing import Any

from v2g.bench.conformance.tester import Fail, NotApplicable, Tester
from v2g.kernel.errors import V2GError
from v2g.ocpp.version import Subprotocol

OCTT, DER = "octt", "q-and-r"
SUITES = (OCTT, DER)
PROFILES = ("Core", "Advanced Security", "Smart Charging", "ISO 15118 Support")
"""Certification profiles that this station is for; OCTT has a few more."""


class StationLostError(V2GError):
    """The station under test takes no car any more."""


class Verdict(StrEnum):
    """What came of a case."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Case:
    """A case that can be run."""

    id: str
    """An OCTT case, or the requirement that it is named after."""
    run: Callable[[Tester], None]
    shows: tuple[str, ...]
    """Requirements that it shows."""
    evses: int
    boots: bool
    """Whether the station has booted before the case begins."""
    contracts: bool = False
    """Whether its car pays by a contract."""

    @property
    def subprotocol(self) -> Subprotocol:
        return "ocpp2.0.1" if self.id.startswith("TC_") else "ocpp2.1"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report."""

    id: str
    verdict: Verdict
    text: str = ""


CASES: dict[str, Case] = {}
REASONS: dict[str, str] = {}
"""Why a case or a requirement does not apply to this station."""


def case(
    *ids: str, shows: str = "", evses: int = 1, boots: bool = True, contracts: bool = False, **values: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as these cases; `values` are its keyword arguments. `shows`: further requirements."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        for id in ids:
            assert id not in CASES, id
            CASES[id] = Case(id, partial(function, **values), (id, *shows.split()), evses, boots, contracts)
        return function

    return register


def not_here(reason: str, *ids: str) -> None:
    """These do not apply to this station."""
    REASONS.update(dict.fromkeys(ids, reason))


def run_case(each: Case, tester: Tester) -> Result:
    """Run one case. Never raises for what the station does."""
    try:
        if each.boots:
            tester.booted()
        each.run(tester)
    except NotApplicable as reason:
        return Result(each.id, Verdict.NOT_APPLICABLE, str(reason))
    except Fail as failure:
        return Result(each.id, Verdict.FAIL, str(failure))
    return Result(each.id, Verdict.PASS)


def known(suite: str) -> Iterator[tuple[str, str, str]]:
    """Id, meaning and profile of everything in a suite, whether there is a case for it or not."""
    for line in (files(__package__) / f"{suite}.tsv").read_text("utf-8").splitlines()[1:]:
        id, meaning, profile = line.split("\t")
        yield id, meaning, profile
