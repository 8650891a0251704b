"""`v2g grid test`: the type test of the station, and the subject that its arguments name."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json, number, whole
from v2g.cli.parser import UsageError
from v2g.cli.terminal import Progress
from v2g.kernel import regular_file

if TYPE_CHECKING:
    from v2g.bench.typetest.case import Result, Subject
    from v2g.grid.settings import Value


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    test = actions.add_parser("test", help="type test of the station with its simulated grid, after IEEE 1547.1")
    test.add_argument("--code", dest="name", metavar="NAME", help="such as ieee1547-cat3, or the path of a code's file")
    test.add_argument("--phases", type=int, choices=(1, 3), metavar="1|3", help="default: 3")
    add_subject(test)
    test.add_argument("--only", default="*", metavar="PATTERN", help="cases by their names: trip/ov1/*, islanding")
    test.add_argument("--report", type=Path, metavar="FILE.html", help="write a report with a plot of each case")
    test.add_argument(
        "--as-set", type=Path, metavar="FILE.csv", help="write the settings in EPRI's common file format (type AS)"
    )
    add_json(test)
    test.set_defaults(action=_test)


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Options that say which settings of which code."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="code and settings of a station's configuration")
    parser.add_argument("--evse", type=whole(least=1), metavar="N", help="with --config: of this EVSE (the first)")
    parser.add_argument("--category", help="variant of the code: a or b of IEEE 1547, a, b or c of AS/NZS 4777.2")
    parser.add_argument("--nominal", type=float, choices=(50, 60), metavar="50|60", help="Hz, if not the code's own")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another setting; repeatable")


def subject_of(args: argparse.Namespace) -> "Subject":
    """The code that the arguments name, with the settings that they change. Raises `UsageError`, `ConfigurationError`,
    `SettingsError`."""
    from v2g.bench.typetest.case import Subject

    settings = dict(map(assignment, args.set))
    phases = getattr(args, "phases", None)
    if args.config is None:
        if args.name is None:
            raise UsageError("name a grid code with --code, or a station's configuration with --config")
        if args.evse is not None:
            raise UsageError("--evse needs --config")
        name = _named(args.name)
        return Subject(name, args.category, phases or 3, args.nominal, tuple(sorted(settings.items())))
    if args.name is not None or args.category is not None or args.nominal is not None:
        raise UsageError("--config says what code, category and nominal frequency are; leave them out")
    from v2g.io.configuration import load

    evses = {each.id: each for each in load(args.config).settings.evses}
    evse = evses.get(args.evse or next(iter(evses)))
    if evse is None:
        raise UsageError(f"{args.config}: there is no EVSE {args.evse}; there are {', '.join(map(str, evses))}")
    code = evse.grid_code
    if code is None:
        raise UsageError(f"{args.config}: EVSE {evse.id} has no grid_code; add one, or name a code with --code")
    changed = {**code.settings, **settings}
    return Subject(code.name, code.category, phases or code.phases, evse.nominal_hz, tuple(sorted(changed.items())))


def _named(name: str) -> str:
    """The name of a code; that of a file is made known first."""
    from v2g.grid import codes

    is_file = name not in codes.CODES and ("/" in name or name.endswith(".toml"))
    return codes.add(Path(name)) if is_file else name


def assignment(text: str) -> tuple[str, "Value"]:
    """`trip.uv1.delay_s=25`: a number, true, false, or a word. Raises `UsageError`."""
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise UsageError(f"{text}: give NAME=VALUE, such as trip.uv1.delay_s=25")
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, number()(value)
    except argparse.ArgumentTypeError:
        return name, value


def _test(args: argparse.Namespace) -> int:
    from time import perf_counter

    from v2g.bench.typetest import as_set, report, suite

    subject = subject_of(args)
    names = suite.selected(subject, args.only)
    for file in (args.report, args.as_set):
        if file is not None:
            report.check_writable(file)
    if args.as_set is not None:
        regular_file.write_text(args.as_set, as_set.document(subject))
    begun_s, progress = perf_counter(), Progress("cases", len(names))
    try:
        results = suite.run(subject, names, lambda result: progress.step())
    finally:
        progress.remove()
    took_s = perf_counter() - begun_s
    if args.report is not None:
        report.write(args.report, subject, results, took_s)
    failed = sum(not result.passed for result in results)
    if args.json:
        print(json.dumps(report.summary(subject, results, took_s), indent=2))
        return 1 if failed else 0
    for result in results:
        print(_row(result))
    print(f"{len(results)} cases of {subject.title} in {took_s:.0f} s: {failed or 'none'} failed")
    if args.report is not None:
        print(f"report: {args.report}")
    if args.as_set is not None:
        print(f"settings as set: {args.as_set}")
    return 1 if failed else 0


def _row(result: "Result") -> str:
    """The case with its source, and below it what is permitted and what was measured."""
    lines = [f"{'passed' if result.passed else 'FAILED'}  {result.name:58}  {result.source}"]
    lines += [
        f"  {'' if finding.passed else '!':5} {finding.permitted:58}  measured {finding.measured}"
        for finding in result.findings
    ]
    return "\n".join(lines)
