"""`v2g faults`: the fault catalogue for people and for programs."""

import argparse
import textwrap
from dataclasses import asdict

from v2g.cli.arguments import add_json
from v2g.cli.parser import UsageError
from v2g.cli.terminal import width
from v2g.kernel.fault import Fault

_OLDER = "ISO 15118-2 and DIN SPEC 70121"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "code",
        metavar="CODE",
        nargs="?",
        help="such as 0x04; a status code that a car shows, such as EVSE_Shutdown; a code of CharIN or ChargeX, as "
        "GridPowerLoss or CX015; all faults if left out",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `UsageError` for a code that does not exist."""
    from v2g.station.faults import CATALOGUE, STATUS_CODES
    from v2g.station.unified import named, unified

    status = next((name for name in STATUS_CODES if args.code is not None and name.lower() == args.code.lower()), None)
    if args.code is None:
        chosen = list(Fault)
    elif status is not None:
        chosen = [fault for fault in Fault if status in CATALOGUE[fault].status_codes]
    else:
        chosen = named(args.code) or [fault for fault in Fault if fault == _number(args.code)]
    if not chosen:
        codes, status_codes = "\n".join(_rows(list(Fault))), "\n  ".join(["", *STATUS_CODES])
        raise UsageError(
            f"there is no fault {args.code!r}; the codes are\n{codes}\nand the status codes of cars{status_codes}"
        )
    if args.json:
        import json

        shown = {fault.code: asdict(CATALOGUE[fault]) | asdict(unified(fault)) for fault in chosen}
        print(json.dumps(shown, indent=2))
    elif args.code is None:
        print("\n".join(_rows(chosen)))
    elif status is not None:
        print(f"{status}, of {_OLDER}")
        _print("What", STATUS_CODES[status])
        print("\n  Faults reported by it; `v2g faults CODE` explains one:")
        print("\n".join(_rows(chosen)))
    else:
        entry = CATALOGUE[chosen[0]]
        print(f"{chosen[0].code} {entry.title}")
        older = f"{_OLDER}: {' or '.join(entry.status_codes)}." if entry.status_codes else ""
        for label, text in (
            ("What", entry.meaning),
            ("Action", entry.remedy),
            ("Station", entry.reaction),
            ("To car", f"{entry.to_car} {older}".rstrip()),
            ("Others", str(unified(chosen[0])) or "no code of CharIN or ChargeX"),
        ):
            _print(label, text)
    return 0


def _print(label: str, text: str) -> None:
    print(textwrap.fill(text, width(), initial_indent=f"\n  {label:9}", subsequent_indent=" " * 11))


def _number(text: str) -> int | None:
    """The code, in hexadecimal as in the trace, with or without 0x."""
    try:
        return int(text, 16)
    except ValueError:
        return None


def _rows(faults: list[Fault]) -> list[str]:
    from v2g.station.faults import CATALOGUE

    return [f"  {fault.code}  {CATALOGUE[fault].title}" for fault in faults]
