"""Runs cases, and says what came of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from v2g.bench.conformance import cases
from v2g.bench.conformance.cases import CASES, PROFILES, REASONS, Case, Result, Verdict, known, run_case
from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import CAR, NotApplicable, Tester

MODULES = ("octt_device", "octt_use", "octt_reserve", "octt_energy", "octt_files", "q", "r")
NO_CASE = "there is no case for it"


def load() -> None:
    """Register all cases."""
    for name in MODULES:
        import_module(f"v2g.bench.conformance.{name}")


def chosen(suite: str, only: Iterable[str] = (), *, every_profile: bool = False) -> list[str]:
    """The ids of a suite, and of its cases that are no single requirement, in order."""
    load()
    ids = [id for id, _, profile in known(suite) if suite != cases.OCTT or every_profile or _is_ours(profile)]
    ids += [id for id in CASES if id.startswith("TC_") == (suite == cases.OCTT) and id not in ids and _extra(id, suite)]
    wanted = tuple(only)
    return [id for id in ids if not wanted or any(id.startswith(each) for each in wanted)]


def _is_ours(profile: str) -> bool:
    return any(name in profile for name in PROFILES)


def _extra(id: str, suite: str) -> bool:
    return all(id != each for each, _, _ in known(suite))


def run(
    ids: Iterable[str],
    stand: Callable[[Case], Any] = lambda case: Stand(case.subprotocol, case.evses, contracts=case.contracts),
    judge: Callable[[str, str, Any], None] | None = None,
    tidy: Callable[[Tester], None] = lambda tester: None,
    car: str = CAR,
) -> Iterator[Result]:
    """Run these, each at a stand of its own. A requirement that another case shows has that case's verdict. `tidy`:
    after each case, for a stand that is not thrown away. `car`: the name of the car."""
    load()
    shown_by: dict[str, list[Case]] = {}
    for case in CASES.values():
        for number in case.shows:
            shown_by.setdefault(number, []).append(case)
    done: dict[str, Result] = {}
    for id in ids:
        found = shown_by.get(id, [])
        for case in found:
            if case.id not in done:
                done[case.id] = _run(case, stand, judge, tidy, car)
        yield _verdict(id, [done[case.id] for case in found])


def _run(
    case: Case,
    stand: Callable[[Case], Any],
    judge: Callable[[str, str, Any], None] | None,
    tidy: Callable[[Tester], None],
    car: str,
) -> Result:
    try:
        tester = Tester(stand(case), tuple(range(1, case.evses + 1)), judge=judge, car=car)
    except NotApplicable as reason:
        return Result(case.id, Verdict.NOT_APPLICABLE, str(reason))
    result = run_case(case, tester)
    tidy(tester)
    return result


def _verdict(id: str, results: list[Result]) -> Result:
    for wanted in (Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.PASS):
        for each in results:
            if each.verdict is wanted:
                text = each.text if each.id == id else f"{each.id} {each.text}".strip()
                return Result(id, wanted, text)
    if id in REASONS:
        return Result(id, Verdict.NOT_APPLICABLE, REASONS[id])
    return Result(id, Verdict.FAIL, NO_CASE)


def summary(results: Iterable[Result]) -> str:
    """`290 pass, 0 fail, 1 not applicable`."""
    counts = Counter(each.verdict for each in results)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
