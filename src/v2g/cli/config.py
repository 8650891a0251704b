"""`v2g config check`: reports everything that is wrong with a configuration file, before the daemon reads it."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="read and check a file")
    check.add_argument("file", metavar="FILE", type=Path, nargs="?", default=Path("/etc/v2g/config.yaml"))


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ConfigurationError` with every finding."""
    from v2g.io.configuration import load

    settings, warnings = load(args.file)
    for line in warnings:
        print(f"v2g: warning: {line}", file=sys.stderr)
    print(f"{args.file} is good:")
    for evse in settings.evses:
        network = f"interface {evse.interface}" if evse.interface else "no discovery"
        print(f"  EVSE {evse.id} ({evse.evse_id}): {' '.join(evse.services)}, {network}, port {evse.port}")
    return 0
