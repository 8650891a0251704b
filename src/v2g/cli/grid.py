"""`v2g grid status|codes`: what the grid says about the power, and the grid codes with every setting."""

import argparse
import json
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.station.settings import Control

    actions = parser.add_subparsers(required=True, metavar="ACTION")
    socket = Control().socket
    status = actions.add_parser("status", help="the grid as a running station sees it")
    status.add_argument("--socket", type=Path, default=socket, metavar="PATH", help=f"default: {socket}")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(action=_status)
    codes = actions.add_parser("codes", help="the grid codes, or every setting of one, with its range and its source")
    codes.add_argument("name", nargs="?", metavar="NAME", help="such as ieee1547-cat3")
    codes.add_argument("--category", choices=("a", "b"), help="normal operating performance category of IEEE 1547")
    codes.add_argument("--nominal", type=float, choices=(50, 60), metavar="50|60", help="Hz, where not the code's own")
    codes.set_defaults(action=_codes)


def run(args: argparse.Namespace) -> int:
    """Raises `ControlError`, `SettingsError`."""
    code: int = args.action(args)
    return code


def _status(args: argparse.Namespace) -> int:
    from v2g.io.control import request

    fields = ("connector", "frequency_hz", "voltages_v", "grid", "meter_w", "target_w", "explanation")
    connectors = [{name: each[name] for name in fields} for each in request(args.socket, "status")["connectors"]]
    if args.json:
        print(json.dumps(connectors, indent=2))
        return 0
    for each in connectors:
        print(_sentence(each))
    return 0


def _sentence(each: dict[str, Any]) -> str:
    grid, frequency_hz = each["grid"], each["frequency_hz"]
    lines = [f"connector {each['connector']}"]
    if frequency_hz is None:
        lines.append("grid       not measured")
    else:
        lines.append(f"grid       {frequency_hz:.3f} Hz, {', '.join(f'{volts:.1f}' for volts in each['voltages_v'])} V")
    if grid is None:
        lines.append("code       none: this connector may not feed the grid")
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
    from v2g.grid.settings import load, names

    if args.name is None:
        for name in names():
            print(f"{name:15}{load(name).title}")
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
