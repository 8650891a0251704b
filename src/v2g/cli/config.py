"""`v2g config`: what is wrong with a configuration file, what holds by it, what it changes, how an older one is lifted.

`v2g config example` prints the files of an installation, which come with the package.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli import config_show
from v2g.cli.arguments import add_json
from v2g.cli.daemon import DEFAULT_CONFIG
from v2g.cli.terminal import warn

if TYPE_CHECKING:
    from v2g.station.config.settings import EvseSettings, Settings, Tls

EXAMPLES = {
    "config": "config.yaml",
    "service": "v2g-daemon.service",
    "logrotate": "logrotate",
    "nftables": "nftables.conf",
    "sysctl": "sysctl.conf",
    "completion": "v2g",
    "man": "v2g.1",
    "dashboard": "grafana-dashboard.json",
    "alerts": "prometheus-rules.yaml",
    "depot": "depot.yaml",
    "site": "site.yaml",
    "depot-alerts": "prometheus-rules-depot.yaml",
    "depot-service": "v2g-depot.service",
    "fleet": "fleet.yaml",
    "fleet-alerts": "prometheus-rules-fleet.yaml",
    "fleet-service": "v2g-fleet.service",
    "nats-service": "v2g-nats@.service",
}
"""Name -> file in the package `v2g.deploy`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="read and check a file, and all that it names on this machine")
    check.add_argument(
        "file", metavar="FILE", type=Path, nargs="?", default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}"
    )
    check.add_argument("--no-tls", action="store_true", help="without the certificates, as for `v2g daemon --no-tls`")
    check.add_argument(
        "--offline", action="store_true", help="the file is for another machine: leave out interfaces and directories"
    )
    add_json(check, "the settings in force and their warnings, for programs")
    config_show.add_arguments(actions)
    example = actions.add_parser("example", help="print a file of an installation")
    example.add_argument(
        "name", nargs="?", default="config", choices=EXAMPLES, metavar="NAME",
        help=f"default: config; {', '.join(EXAMPLES)}",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Returns 0 if the daemon would start with the file. Raises `V2GError` with every finding, if not."""
    match args.action:
        case "example":
            return _example(args.name)
        case "check":
            return _check(args)
        case "show":
            return config_show.show(args)
        case "default":
            return config_show.default(args)
        case "diff":
            return config_show.diff(args)
        case _:
            return config_show.migrate(args)


def _example(name: str) -> int:
    from importlib.resources import files

    sys.stdout.write(files("v2g").joinpath("deploy", EXAMPLES[name]).read_text())
    return 0


def _check(args: argparse.Namespace) -> int:
    from v2g.io.configuration import load
    from v2g.io.configuration_file import content, kind_of
    from v2g.run.readiness import check

    if (kind := kind_of(content(args.file))) != "station":
        return _check_of(kind, args.file)
    settings, warnings = load(args.file)
    if not args.offline:
        check(settings, args.file)
    if settings.tariff is not None:
        from v2g.run.tariff import FileTariff

        FileTariff(settings.tariff)  # raises for what the daemon would not start with
    certificates = None if args.no_tls else _certificates(settings.tls, warnings)
    for line in warnings:
        warn(line)
    if args.json:
        return _as_json(settings, warnings)
    print(f"{args.file} is good:")
    for evse in settings.evses:
        network = f"interface {evse.interface}" if evse.interface else "no discovery"
        print(f"  EVSE {evse.id} ({evse.evse_id}): {evse.offered}, {network}, port {evse.port}")
        if (wider := _operating_window(evse)) is not None:
            print(f"    {wider}")
    if certificates is not None:
        print(f"  {certificates}")
    return 0


def _operating_window(evse: "EvseSettings") -> str | None:
    """The frequencies with power, if the thresholds of the grid code lie at the edge of the usual ones or beyond."""
    from v2g.grid.protection import OPERATING_WINDOW_HZ, operating_window
    from v2g.station.safety.grid_guard import load as load_grid_code

    if evse.grid_code is None:
        return None
    low_hz, high_hz = (each.threshold for each in operating_window(load_grid_code(evse.grid_code, evse.nominal_hz)))
    if (low_hz, high_hz) == OPERATING_WINDOW_HZ:
        return None
    usual = " to ".join(f"{each:g}" for each in OPERATING_WINDOW_HZ)
    return (
        f"power from {low_hz:g} to {high_hz:g} Hz, not {usual} Hz: 1 Hz beyond the thresholds of {evse.grid_code.name}"
    )


def _check_of(kind: str, file: Path) -> int:
    """The file of a depot, of a site or of a fleet, as their own `check` does."""
    from v2g.io.configuration_file import content, parsed

    if kind == "depot":
        from v2g.io.depot_configuration import load as load_depot

        load_depot(file)
    elif kind == "fleet":
        from v2g.io.fleet_configuration import load as load_fleet

        load_fleet(file)
    else:
        from v2g.io.site_configuration import load as load_site

        load_site(file)
    for line in parsed(content(file), file).warnings:
        warn(line)
    print(f"{file} is good: a {kind}")
    return 0


def _as_json(settings: "Settings", warnings: list[str]) -> int:
    import json

    import msgspec

    document = msgspec.to_builtins(settings, enc_hook=str)
    print(json.dumps({"settings": document, "warnings": warnings}, indent=2))
    return 0


def _certificates(tls: "Tls", warnings: list[str]) -> str:
    """Until when the station's certificates are valid. Raises `TlsError`, which names the file."""
    from datetime import UTC, datetime

    from msgspec.structs import replace

    from v2g.run.credentials import Credentials

    credentials = Credentials(replace(tls, key_log=None))  # a check writes no key log
    warnings += [*credentials.problems, *credentials.endings(datetime.now(UTC).timestamp())]
    until = credentials.choice.valid_until
    return f"certificates: {credentials.choice.files.certificate}, valid until {until:%Y-%m-%d}"
