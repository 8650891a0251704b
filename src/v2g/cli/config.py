"""`v2g config check`: reports everything that is wrong with a configuration file, before the daemon reads it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from v2g.station.config.settings import Tls


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="read and check a file, and the files that it names")
    check.add_argument("file", metavar="FILE", type=Path, nargs="?", default=Path("/etc/v2g/config.yaml"))
    check.add_argument("--no-tls", action="store_true", help="without the certificates, as for `v2g daemon --no-tls`")


def run(args: argparse.Namespace) -> int:
    """Returns 0 if the daemon would start with the file. Raises `V2GError` with every finding, if not."""
    from v2g.io.configuration import load

    settings, warnings = load(args.file)
    certificates = None if args.no_tls else _certificates(settings.tls, warnings)
    for line in warnings:
        print(f"v2g: warning: {line}", file=sys.stderr)
    print(f"{args.file} is good:")
    for evse in settings.evses:
        network = f"interface {evse.interface}" if evse.interface else "no discovery"
        print(f"  EVSE {evse.id} ({evse.evse_id}): {' '.join(evse.services)}, {network}, port {evse.port}")
    if certificates is not None:
        print(f"  {certificates}")
    return 0


def _certificates(tls: "Tls", warnings: list[str]) -> str:
    """Until when the station's certificates are valid. Raises `TlsError`, which names the file."""
    from datetime import UTC, datetime

    from msgspec.structs import replace

    from v2g.run.station import station_tls
    from v2g.tls.pki import EXPIRY_WARNING

    context = station_tls(replace(tls, key_log=None))  # a check writes no key log
    left = context.valid_until - datetime.now(UTC)
    if left < EXPIRY_WARNING:
        warnings.append(f"{context.files.certificate}: it or its chain ends in {left.days} days; renew it")
    return f"certificates: {context.files.certificate}, valid until {context.valid_until:%Y-%m-%d}"
