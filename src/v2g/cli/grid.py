"""`v2g grid ...`: the grid as a running station sees it, settings, grid codes, the type test."""

import argparse
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from v2g.cli import grid_test
from v2g.cli.arguments import add_evse, add_json, add_socket, number
from v2g.cli.grid_test import add_subject, assignment, subject_of
from v2g.cli.terminal import warn

if TYPE_CHECKING:
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
    add_subject(codes)
    grid_test.add_arguments(actions)


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
        if grid["feeds_not"]:
            lines.append(f"feeding    refused, {grid['feeds_not']}")
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

    return _print_settings(args, GridSet(changes=dict(map(assignment, args.changes)), for_s=args.for_s, evse=args.evse))


def _default(args: argparse.Namespace) -> int:
    from v2g.station.command import GridDefault

    return _print_settings(args, GridDefault(names=tuple(args.names), evse=args.evse))


def _print_settings(args: argparse.Namespace, command: "GridGet | GridSet | GridDefault") -> int:
    """Send the command, and print the settings as they hold then. Raises `ControlError`."""
    from v2g.io.control import request

    result = request(args.socket, command)
    if (why := result.get("not_kept")) is not None:
        warn(f"what was set holds, but will not survive a restart: {why}")
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
    subject = subject_of(args)
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
