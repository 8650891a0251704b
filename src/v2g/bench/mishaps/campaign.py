"""Thousands of runs on several cores, and a table of what became of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from v2g.bench.mishaps import course
from v2g.bench.mishaps.catalogue import CATALOGUE
from v2g.bench.mishaps.invariants import Struck, Violation
from v2g.bench.mishaps.scenario import draw
from v2g.bench.offspring import computed
from v2g.kernel.fault import Fault

_CHUNK = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What a campaign keeps of a run."""

    seed: int
    violations: tuple[Violation, ...]
    struck: tuple[Struck, ...]
    faults: tuple[Fault, ...]
    """Of the session that the mishaps struck."""
    next_served: bool | None
    lasted_s: float


@dataclass(slots=True)
class Row:
    """What became of the runs with one kind of mishap and no other."""

    runs: int = 0
    closed: int = 0
    """Runs in which the contactor was closed when it happened."""
    faults: Counter[Fault] = field(default_factory=Counter)
    unharmed: int = 0
    """Runs without any fault."""
    worst_s: float = 0.0
    """The time to the open contactor that came nearest to its limit, where the mishap demands it; and that limit."""
    limit_s: float = 0.0
    served: int = 0
    """Next cars served, of `due`."""
    due: int = 0


def judge(seed: int) -> Summary:
    """One run."""
    outcome = course.run(draw(seed))
    faults = outcome.sessions[0].faults if outcome.sessions else ()
    return Summary(
        seed,
        tuple(outcome.violations),
        tuple(outcome.struck),
        tuple(dict.fromkeys(faults)),
        outcome.next_served,
        outcome.lasted_s,
    )


def campaign(seeds: Iterable[int], jobs: int) -> Iterator[Summary]:
    """The runs of all seeds, in the order in which they end."""
    if jobs == 1:
        yield from map(judge, seeds)
        return
    due = list(seeds)
    for summaries in computed(_judge, [(due[at : at + _CHUNK],) for at in range(0, len(due), _CHUNK)], jobs):
        yield from summaries


def _judge(seeds: Sequence[int]) -> list[Summary]:
    return [judge(seed) for seed in seeds]


def table(summaries: Iterable[Summary]) -> dict[str, Row]:
    """What became of the runs with a single mishap, by its kind; `none` for those without."""
    rows = {name: Row() for name in ("none", *CATALOGUE)}
    for each in summaries:
        if len(each.struck) > 1:
            continue
        row = rows[each.struck[0].kind if each.struck else "none"]
        row.runs += 1
        row.faults.update(each.faults)
        row.unharmed += not each.faults
        row.served += each.next_served is True
        row.due += each.next_served is not None
        for struck in each.struck:
            row.closed += struck.closed
            if struck.opened_s is None or struck.limit_s == inf:
                continue
            if struck.opened_s * row.limit_s >= row.worst_s * struck.limit_s:
                row.worst_s, row.limit_s = struck.opened_s, struck.limit_s
    return {name: row for name, row in rows.items() if row.runs}


def lines(rows: dict[str, Row]) -> Iterator[str]:
    """The table as text."""
    yield f"{'mishap, alone':30} {'runs':>5} {'closed':>6} {'open within':>17} {'next car':>11}  faults"
    for name, row in rows.items():
        opened = f"{row.worst_s:.2f} of {row.limit_s:.2f} s" if row.limit_s else ""
        served = f"{row.served} of {row.due}" if row.due else "none due"
        faults = ", ".join(f"{fault.code} {count}x" for fault, count in row.faults.most_common(4))
        unharmed = f"none {row.unharmed}x" if row.unharmed else ""
        ended = ", ".join(each for each in (faults, unharmed) if each)
        yield f"{name:30} {row.runs:5} {row.closed:6} {opened:>17} {served:>11}  {ended}"
