"""All cases of a code, on as many processes as there are processors."""

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from v2g.bench.offspring import computed
from v2g.bench.typetest import (
    ac,
    active,
    bench,
    delay,
    frequency,
    guard_steps,
    inspection,
    islanding,
    measurement,
    priority,
    probe,
    reactive,
    reactive_steps,
    ride_through,
    running,
    service,
    service_steps,
    source_steps,
    stepwise,
    support_steps,
    trip,
    verdicts,
    waveforms,
)
from v2g.bench.typetest.case import Case, Inspection, Result, Subject
from v2g.kernel.errors import V2GError


class NoCases(V2GError):
    """No case has a name like this."""


@lru_cache(maxsize=1)
def cases(subject: Subject) -> dict[str, Case | Inspection]:
    """Every case by its name. Raises `SettingsError`."""
    assert subject.code.settings, "what it does not admit, it refuses here"
    return {case.name: case for case in _generated(subject)}


def selected(subject: Subject, pattern: str) -> list[str]:
    """The names that match a pattern, or contain it. Raises `NoCases`, `SettingsError`."""
    names = [name for name in cases(subject) if fnmatchcase(name, pattern) or pattern in name]
    if not names:
        beginnings = dict.fromkeys(name.partition("/")[0] for name in cases(subject))
        raise NoCases(f"no case is called {pattern!r}; the names begin with {', '.join(beginnings)}")
    return names


def run(subject: Subject, names: list[str], done: Callable[[Result], None] = lambda result: None) -> list[Result]:
    """Runs these cases and returns their results in the same order; `done` hears of each as soon as it is there."""
    known, found = cases(subject), dict[str, Result]()
    longest_first = sorted(names, key=lambda name: -known[name].lasts_s)
    for result in computed(_run, [(subject, name) for name in longest_first], os.cpu_count() or 1):
        found[result.name] = result
        done(result)
    return [found[name] for name in names]


def _run(subject: Subject, name: str) -> Result:
    return bench.run(cases(subject)[name], subject)


def _generated(subject: Subject) -> Iterator[Case | Inspection]:
    yield from inspection.cases(subject)
    for module in (trip, ride_through, frequency, reactive, active, priority, service, islanding, probe, ac):
        yield from module.cases(subject)
    yield from running.cases(subject)
    yield from stepwise.cases(subject)
    yield from verdicts.cases(subject)
    yield from service_steps.cases(subject)
    yield from support_steps.cases(subject)
    yield from reactive_steps.cases(subject)
    yield from guard_steps.cases(subject)
    yield from source_steps.cases(subject)
    yield from delay.cases(subject)
    yield from measurement.cases(subject)
    yield from waveforms.cases(subject)
