"""`v2g depot codes`: the code of each EVSE, by which drivers find their page; labels with it as QR codes."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json
from v2g.cli.parser import UsageError
from v2g.kernel.errors import V2GError
from v2g.kernel.regular_file import named, written

if TYPE_CHECKING:
    from v2g.depot.configuration import Configuration

DEFAULT_CODES = Path("/etc/v2g/depot-codes")


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    codes = actions.add_parser("codes", help="the code of each EVSE for its driver's page; labels as QR codes")
    codes.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
    codes.add_argument(
        "--url", default="", metavar="URL", help="where drivers reach the depot, such as https://depot.example.com"
    )
    codes.add_argument("--svg", type=Path, metavar="DIR", help="write a QR code for each EVSE there; needs --url")
    codes.add_argument(
        "--renew", action="append", default=[], metavar="EVSE", help="give this one another code, such as CS-01/1"
    )
    add_json(codes)


def run(args: argparse.Namespace, configuration: "Configuration") -> int:
    """Returns 0. Makes the codes that are missing. Raises `V2GError`."""
    import json

    from v2g.console.codes import completed, read_codes

    if args.svg is not None and not args.url:
        raise UsageError("--svg needs --url: the address by which drivers reach the depot")
    evses = [f"{station.id}/{evse.id}" for station in configuration.stations for evse in station.evses]
    if unknown := [each for each in args.renew if each not in evses]:
        raise UsageError(f"there is no EVSE {unknown[0]}; the EVSEs are {', '.join(evses[:10])}")
    file = configuration.http.codes_file or DEFAULT_CODES
    before = read_codes(file) if file.exists() else {}
    codes = completed(before, evses, args.renew)
    if codes != before:
        _write(file, codes)
    places = {evse: f"{args.url.rstrip('/')}/e/{code}" for evse, code in codes.items()}
    if args.svg is not None:
        _draw(args.svg, places)
    if args.json:
        print(json.dumps(places, indent=2))
        return 0
    width = max(map(len, evses))
    print("\n".join(f"{evse.ljust(width)}  {place}" for evse, place in places.items()))
    if configuration.http.codes_file is None:
        print(f"write `codes_file: {file}` under `http` in {args.config}, and restart the depot")
    elif codes != before:
        print(f"{file} has changed; restart the depot for it to count")
    return 0


def _write(file: Path, codes: dict[str, str]) -> None:
    if not file.parent.is_dir():
        raise V2GError(f"{file}: there is no directory {file.parent}; make it, or set http.codes_file")
    with written(file, 0o640) as out:
        out.writelines(f"{evse}:{code}\n" for evse, code in codes.items())


def _draw(folder: Path, places: dict[str, str]) -> None:
    """Raises `V2GError` without the package."""
    try:
        import segno
    except ImportError as error:
        raise V2GError("--svg needs the Python package segno; pip install 'v2g[depot]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    for evse, place in places.items():
        file = folder / f"{evse.replace('/', '-')}.svg"
        with named(file), file.open("wb") as out:
            segno.make_qr(place, error="m").save(out, kind="svg", scale=8, title=f"Charger {evse}")
