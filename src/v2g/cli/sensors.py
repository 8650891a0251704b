"""`v2g sensors`: grid, temperatures, coolant and pump of a running station, in the form of lm-sensors."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from v2g.cli.arguments import add_evse, add_json, add_socket
from v2g.cli.parser import UsageError

_LIMITS = {"lowest": "crit low", "low": "low", "high": "high", "highest": "crit"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_evse(parser)
    add_json(parser)
    parser.add_argument(
        "--chips", type=Path, nargs="?", const=Path("/sys/class/hwmon"), metavar="FOLDER",
        help="the chips of this machine instead, by the names that `temperatures` in the configuration takes "
        "(default: /sys/class/hwmon)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if a sensor is beyond its limits or has no reading. Raises `ControlError` if the daemon does not
    answer, and `UsageError` for a folder without chips."""
    if args.chips is not None:
        return _list_chips(args.chips, json_wanted=args.json)
    from v2g.io.control import request
    from v2g.station.command import Sensors

    found = request(args.socket, Sensors(evse=args.evse))
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n\n".join(_block(f"evse-{each['evse']}", each["sensors"]) for each in found))
    return int(any(sensor["alarm"] for each in found for sensor in each["sensors"]))


def _block(name: str, sensors: list[Mapping[str, Any]]) -> str:
    width = max((len(each["name"]) for each in sensors), default=0) + 2
    rows = [f"{each['name'] + ':':{width}}{_row(each)}" for each in sensors]
    return "\n".join([name, "Adapter: v2g daemon", *rows])


def _row(sensor: Mapping[str, Any]) -> str:
    unit = sensor["unit"]
    limits = [f"{label} = {_text(sensor[key], unit)}" for key, label in _LIMITS.items() if sensor[key] is not None]
    value = "FAULT" if sensor["value"] is None else _text(sensor["value"], unit)
    parts = [f"{value:>10}", f"({', '.join(limits)})" if limits else "", "ALARM" if sensor["alarm"] else ""]
    return "  ".join(filter(None, parts))


def _text(value: float, unit: str) -> str:
    match unit:
        case "°C":
            return f"{value:+.1f}°C"
        case "Hz":
            return f"{value:.2f} Hz"
        case "%":
            return f"{value:.0f} %"
    return f"{value:.1f} {unit}"


def _list_chips(root: Path, *, json_wanted: bool) -> int:
    from v2g.io.hwmon import chips, inputs

    try:
        found = chips(root)
    except OSError as error:
        raise UsageError(f"{root}: {error.strerror}; load the driver of the chip, such as modprobe lm75") from error
    rows = [
        {"input": f"{chip.label}/{name}", "value": value, "unit": unit, "label": label}
        for chip in found
        for name, label, value, unit in inputs(chip)
    ]
    if json_wanted:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        value = "FAULT" if row["value"] is None else f"{row['value']:g} {row['unit']}"
        print(f"{row['input']:32} {value:>12}  {row['label']}".rstrip())
    if not rows:
        print(f"no chip with a temperature or a fan in {root}")
    return 0
