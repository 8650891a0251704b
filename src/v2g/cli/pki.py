"""`v2g pki`: makes a certificate hierarchy for tests, and explains the one in a directory.

To look at a hierarchy and at a running station with OpenSSL itself:

    openssl verify -CAfile /etc/ssl/v2g/v2g_root.pem /etc/ssl/v2g/contract_cert.pem
    openssl verify -CAfile v2g_root.pem -untrusted cpo_chain.pem secc_cert.pem
    openssl verify -CAfile oem_root.pem -untrusted oem_chain.pem vehicle_cert.pem
    openssl s_client -connect '[fe80::1%eth0]:PORT' -tls1_3 -CAfile v2g_root.pem \\
        -cert vehicle_cert.pem -key vehicle_key.pem -cert_chain oem_chain.pem

The last one prints "Verify return code: 0 (ok)", "secp521r1" and, below "Acceptable client certificate CA names",
the OEM roots that the station trusts. Without `-cert` the station ends the connection (certificate_required).
"""

import argparse
import json
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json

if TYPE_CHECKING:
    from v2g.tls.pki import Explanation

DEFAULT_DIRECTORY = Path("/etc/ssl/v2g")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    actions = parser.add_subparsers(dest="action", required=True)
    init = actions.add_parser("init", help="make a complete hierarchy for tests")
    init.add_argument("--curve", choices=("p521", "p256"), default="p521", help="p521 (default) is what -20 requires")
    init.add_argument("--force", action="store_true", help="replace an earlier hierarchy")
    init.add_argument("--group", metavar="NAME", help="may read what the station needs, such as v2g; needs root")
    show = actions.add_parser("show", help="explain every certificate; exit code 1 if one has a problem")
    add_json(show)
    for action in (init, show):
        action.add_argument(
            "directory", metavar="DIR", type=Path, nargs="?", default=DEFAULT_DIRECTORY,
            help=f"default: {DEFAULT_DIRECTORY}",
        )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 when `show` found problems. Raises `PkiError` if the directory cannot be used."""
    return _init(args) if args.action == "init" else _show(args)


def _init(args: argparse.Namespace) -> int:
    from v2g.tls.pki import create

    create(args.directory, curve=args.curve, now=datetime.now(UTC), force=args.force, group=args.group)
    print(f"Test hierarchy written to {args.directory}. `v2g pki show {args.directory}` explains it.")
    return 0


def _show(args: argparse.Namespace) -> int:
    from v2g.tls.pki import explain

    explanations = explain(args.directory, datetime.now(UTC))
    if args.json:
        print(json.dumps([explanation._asdict() for explanation in explanations], indent=2))
    else:
        print("\n\n".join(_describe(explanation) for explanation in explanations))
    return 1 if any(explanation.problems for explanation in explanations) else 0


def _describe(found: "Explanation") -> str:
    own_file, *others = found.files
    is_root = found.subject == found.issuer
    rows = [
        ("subject", found.subject),
        ("issuer", "itself" if is_root else found.issuer),
        ("valid", f"{found.not_before[:10]} to {found.not_after[:10]}, {found.days_left} days left"),
        ("chain", "anchor" if is_root else " < ".join(found.chain) or "none"),
        ("key", f"{found.key_type}, {found.key_file} ({found.key_mode})" if found.key_file else found.key_type),
        ("also in", ", ".join(others)),
        *(("PROBLEM", problem) for problem in found.problems),
    ]
    lines = [own_file, textwrap.fill(found.purpose, 78, initial_indent="  ", subsequent_indent="  ")]
    for label, text in rows:
        if text:
            lines.append(textwrap.fill(f"{label:<9}{text}", 80, initial_indent="  ", subsequent_indent=" " * 11))
    return "\n".join(lines)
