"""`v2g config check`: tells everything that is wrong with a configuration file, before the daemon reads it."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="read and check a file")
    check.add_argument("file", metavar="FILE", type=Path, nargs="?", default=Path("/etc/v2g/config.yaml"))


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ConfigurationError` with every finding."""
    from v2g.station.configuration import load

    settings = load(args.file)
    print(f"{args.file} is good:")
    for outlet in settings.connectors:
        network = f"interface {outlet.interface}" if outlet.interface else "no discovery"
        print(f"  connector {outlet.id} ({outlet.evse_id}): {' '.join(outlet.services)}, {network}, port {outlet.port}")
    return 0
