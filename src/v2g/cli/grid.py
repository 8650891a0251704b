"""`v2g grid status|codes|test`: the grid as a running station sees it, the grid codes, the type test."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli.arguments import add_json, add_socket

if TYPE_CHECKING:
    from v2g.bench.typetest.case import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    status = actions.add_parser("status", help="the grid as a running station sees it")
    add_socket(status)
    add_json(status)
    status.set_defaults(action=_status)
    codes = actions.add_parser("codes", help="the grid codes, or every setting of one, with its range and its source")
    codes.add_argument("name", nargs="?", metavar="NAME", help="such as ieee1547-cat3")
    codes.add_argument("--category", choices=("a", "b"), help="normal operating performance category of IEEE 1547")
    codes.add_argument("--nominal", type=float, choices=(50, 60), metavar="50|60", help="Hz, if not the code's own")
    codes.set_defaults(action=_codes)
    test = actions.add_parser("test", help="type test of the station with its simulated grid, after IEEE 1547.1")
    test.add_argument("--code", required=True, metavar="NAME", help="such as ieee1547-cat3")
    test.add_argument("--category", choices=("a", "b"), help="normal operating performance category of IEEE 1547")
    test.add_argument("--phases", type=int, choices=(1, 3), default=3, metavar="1|3", help="default: 3")
    test.add_argument("--nominal", type=float, choices=(50, 60), metavar="50|60", help="Hz, if not the code's own")
    test.add_argument("--only", default="*", metavar="PATTERN", help="cases by their names: trip/ov1/*, islanding")
    test.add_argument("--report", type=Path, metavar="FILE.html", help="write a report with a plot of each case")
    add_json(test)
    test.set_defaults(action=_test)


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if a case failed. Raises `ControlError`, `SettingsError`, `NoCases`, `ReportError`."""
    code: int = args.action(args)
    return code


def _status(args: argparse.Namespace) -> int:
    from v2g.io.control import request
    from v2g.station.command import Status

    fields = ("evse", "frequency_hz", "voltages_v", "grid", "meter_w", "target_w", "explanation")
    evses = [{name: each[name] for name in fields} for each in request(args.socket, Status())["evses"]]
    if args.json:
        print(json.dumps(evses, indent=2))
        return 0
    for each in evses:
        print(_sentence(each))
    return 0


def _sentence(each: dict[str, Any]) -> str:
    grid, frequency_hz = each["grid"], each["frequency_hz"]
    lines = [f"EVSE {each['evse']}"]
    if frequency_hz is None:
        lines.append("grid       not measured")
    else:
        lines.append(f"grid       {frequency_hz:.3f} Hz, {', '.join(f'{volts:.1f}' for volts in each['voltages_v'])} V")
    if grid is None:
        lines.append("code       none: this EVSE may not feed the grid")
    else:
        lines.append(f"code       {grid['code']}, {grid['nominal_hz']:g} Hz")
        lines.append(
            f"state      {grid['state']}" + (f" ({grid['element']}: {grid['why']})" if grid["element"] else "")
        )
        lines.append(f"voltage    ride-through: {grid['ride_through']}")
        lines.append(f"reactive   {grid['reactive_mode'].replace('_', ' ')}")
    if each["explanation"]:
        lines.append(f"power      {each['explanation']}")
    return "\n  ".join(lines)


def _codes(args: argparse.Namespace) -> int:
    from v2g.grid.settings import SettingsError, load, names

    if args.name is None:
        for name in names():
            try:
                title = load(name).title
            except SettingsError as error:  # of a package outside
                title = f"cannot be used: {error}"
            print(f"{name:15}{title}")
        return 0
    code = load(args.name, args.category, nominal_hz=args.nominal)
    print(f"{code.title}, {code.nominal_hz:g} Hz" + (f", category {code.variant.upper()}" if code.variant else ""))
    for setting in code.settings.values():
        if setting.choices:
            permitted = " ".join(map(str, setting.choices))
        else:
            permitted = f"{setting.low:g}" if setting.low == setting.high else f"{setting.low:g} to {setting.high:g}"
        value = setting.value if isinstance(setting.value, bool | str) else f"{setting.value:g}"
        print(f"  {setting.name:44} {value!s:>22}   {permitted:24} {setting.source}")
    return 0


def _test(args: argparse.Namespace) -> int:
    from time import perf_counter

    from v2g.bench.typetest import report, suite
    from v2g.bench.typetest.case import Subject

    subject = Subject(args.code, args.category, args.phases, args.nominal)
    names = suite.selected(subject, args.only)
    if args.report is not None:
        report.check_writable(args.report)
    begun_s = perf_counter()
    results = suite.run(subject, names)
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
    return 1 if failed else 0


def _row(result: "Result") -> str:
    """The case with its source, and below it what is permitted and what was measured."""
    lines = [f"{'passed' if result.passed else 'FAILED'}  {result.name:58}  {result.source}"]
    lines += [
        f"  {'' if finding.passed else '!':5} {finding.permitted:58}  measured {finding.measured}"
        for finding in result.findings
    ]
    return "\n".join(lines)
