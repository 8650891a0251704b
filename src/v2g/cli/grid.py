"""`v2g grid ...`: the grid as a running station sees it, settings, grid codes, the type test."""

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli.arguments import add_evse, add_json, add_socket, number, whole
from v2g.cli.parser import UsageError
from v2g.cli.terminal import Progress

if TYPE_CHECKING:
    from v2g.bench.typetest.case import Result, Subject
    from v2g.grid.settings import GridCode, Value
    from v2g.station.command import GridDefault, GridGet, GridSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    status = actions.add_parser("status", help="the grid as a running station sees it")
    add_socket(status)
    add_json(status)
    status.set_defaults(action=_status)
    _add_settings(actions)
    codes = actions.add_parser("codes", help="the grid codes, or every setting of one, with its range and its source")
    codes.add_argument("name", nargs="?", metavar="NAME", help="such as ieee1547-cat3, or the path of a code's file")
    add_json(codes)
    codes.set_defaults(action=_codes)
    test = actions.add_parser("test", help="type test of the station with its simulated grid, after IEEE 1547.1")
    test.add_argument("--code", dest="name", metavar="NAME", help="such as ieee1547-cat3, or the path of a code's file")
    test.add_argument("--phases", type=int, choices=(1, 3), metavar="1|3", help="default: 3")
    for each in (codes, test):
        each.add_argument("--config", type=Path, metavar="FILE", help="code and settings of a station's configuration")
        each.add_argument("--evse", type=whole(least=1), metavar="N", help="with --config: of this EVSE (the first)")
        each.add_argument("--category", choices=("a", "b"), help="normal operating performance category of IEEE 1547")
        each.add_argument("--nominal", type=float, choices=(50, 60), metavar="50|60", help="Hz, if not the code's own")
        each.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="another setting; repeatable"
        )
    test.add_argument("--only", default="*", metavar="PATTERN", help="cases by their names: trip/ov1/*, islanding")
    test.add_argument("--report", type=Path, metavar="FILE.html", help="write a report with a plot of each case")
    add_json(test)
    test.set_defaults(action=_test)


def _add_settings(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What changes the settings of a running station."""
    asked = actions.add_parser("get", help="the settings of a running station's grid code, as they hold now")
    change = actions.add_parser("set", help="change settings of a running station; they survive a restart")
    default = actions.add_parser("default", help="back to the configured settings")
    asked.add_argument("names", nargs="*", metavar="NAME", help="such as volt_var.v1_pu; all if left out")
    change.add_argument("changes", nargs="+", metavar="NAME=VALUE", help="such as trip.uv1.delay_s=25")
    change.add_argument(
        "--for", type=number(above=0, most=31_536_000), dest="for_s", metavar="S", help="then they go back"
    )
    default.add_argument("names", nargs="*", metavar="NAME", help="all that were changed if left out")
    for each, action in ((asked, _get), (change, _set), (default, _default)):
        add_socket(each)
        add_evse(each, "needed if there are several")
        add_json(each)
        each.set_defaults(action=action)


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


def _get(args: argparse.Namespace) -> int:
    from v2g.station.command import GridGet

    return _print_settings(args, GridGet(names=tuple(args.names), evse=args.evse))


def _set(args: argparse.Namespace) -> int:
    from v2g.station.command import GridSet

    return _print_settings(
        args, GridSet(changes=dict(map(_assignment, args.changes)), for_s=args.for_s, evse=args.evse)
    )


def _default(args: argparse.Namespace) -> int:
    from v2g.station.command import GridDefault

    return _print_settings(args, GridDefault(names=tuple(args.names), evse=args.evse))


def _print_settings(args: argparse.Namespace, command: "GridGet | GridSet | GridDefault") -> int:
    """Send the command, and print the settings as they hold then. Raises `ControlError`."""
    from v2g.io.control import request

    result = request(args.socket, command)
    if args.json:
        print(json.dumps(result, indent=2))
        return 0
    print(f"EVSE {result['evse']}: {result['code']}")
    for each in result["settings"]:
        print(f"{'*' if each['party'] else ' '} {each['name']:44} {_text(each['value']):>22}   {_origin(each)}")
    if any(each["party"] for each in result["settings"]):
        print("* differs from the configuration, or was set to the same")
    return 0


def _text(value: "Value") -> str:
    return str(value).lower() if isinstance(value, bool | str) else f"{value:g}"


def _origin(each: dict[str, Any]) -> str:
    """What the value may be, and for one that was set who did it and until when."""
    if not each["party"]:
        return str(each["permitted"])
    by = f"by {each['by'] or each['party']}"
    until = "" if each["until_unix_s"] is None else f" until {datetime.fromtimestamp(each['until_unix_s']):%F %T}"
    return f"{each['permitted']}; {by}{until}; configured {_text(each['configured'])}"


def _codes(args: argparse.Namespace) -> int:
    if args.name is None and args.config is None:
        return _all_codes(as_json=args.json)
    subject = _subject(args)
    code, changed = subject.code, dict(subject.settings)
    if args.json:
        print(json.dumps(_document(code, changed), indent=2))
        return 0
    print(f"{code.title}, {code.nominal_hz:g} Hz" + (f", category {code.variant.upper()}" if code.variant else ""))
    print(f"  {'setting':44} {'value':>22}   {'permitted':24} source")
    for setting in code.settings.values():
        mark = "*" if setting.name in changed else " "
        print(f"{mark} {setting.name:44} {setting.text:>22}   {setting.permitted:24} {setting.source}")
    if changed:
        print("* differs from the code's default")
    return 0


def _all_codes(*, as_json: bool) -> int:
    from v2g.grid.settings import SettingsError, load, names

    titles = {}
    for name in names():
        try:
            titles[name] = load(name).title
        except SettingsError as error:  # of a package outside
            titles[name] = f"cannot be used: {error}"
    print(json.dumps(titles, indent=2) if as_json else "\n".join(f"{name:15}{titles[name]}" for name in titles))
    return 0


def _document(code: "GridCode", changed: dict[str, "Value"]) -> dict[str, Any]:
    return {
        "code": code.name,
        "title": code.title,
        "nominal_hz": code.nominal_hz,
        "settings": [
            {
                "name": each.name,
                "value": each.value,
                "permitted": list(each.choices) or [each.low, each.high],
                "changed": each.name in changed,
                "source": each.source,
            }
            for each in code.settings.values()
        ],
    }


def _subject(args: argparse.Namespace) -> "Subject":
    """The code that the arguments name, with the settings that they change. Raises `UsageError`, `ConfigurationError`,
    `SettingsError`."""
    from v2g.bench.typetest.case import Subject

    settings = dict(map(_assignment, args.set))
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


def _assignment(text: str) -> tuple[str, "Value"]:
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

    from v2g.bench.typetest import report, suite

    subject = _subject(args)
    names = suite.selected(subject, args.only)
    if args.report is not None:
        report.check_writable(args.report)
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
    return 1 if failed else 0


def _row(result: "Result") -> str:
    """The case with its source, and below it what is permitted and what was measured."""
    lines = [f"{'passed' if result.passed else 'FAILED'}  {result.name:58}  {result.source}"]
    lines += [
        f"  {'' if finding.passed else '!':5} {finding.permitted:58}  measured {finding.measured}"
        for finding in result.findings
    ]
    return "\n".join(lines)
