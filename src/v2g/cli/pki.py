"""`v2g pki`: the certificates of stations and cars: makes, explains, checks, installs and watches them.

    v2g pki init                           a complete hierarchy for tests
    v2g pki show                           what every certificate is for, and what is wrong with it
    v2g pki verify '[fe80::1%eth0]:15118'  the certificates that a running station shows
    v2g pki verify contract_cert.pem       a file, against the roots of the directory
    v2g pki issue contract --name XXV2GC00000002
    v2g pki install secc.pem chain.pem key.pem
    v2g pki watch --once                   exit code 1 if something ends within 30 days

A running daemon notices changed files within seconds and uses them for the next car. OpenSSL's own tools agree:

    openssl verify -CAfile /etc/ssl/v2g/v2g_root.pem /etc/ssl/v2g/contract_cert.pem
    openssl verify -CAfile v2g_root.pem -untrusted cpo_chain.pem secc_cert.pem
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
    from v2g.pki.explain import Explanation

DEFAULT_DIRECTORY = Path("/etc/ssl/v2g")
ROLES = ("station", "private-station", "vehicle", "provisioning", "contract", "provisioning-service")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    actions = parser.add_subparsers(dest="action", required=True)
    init = actions.add_parser("init", help="make a complete hierarchy for tests")
    init.add_argument(
        "--curve", choices=("p521", "p256", "ed448"), default="p521",
        help="p521 (default) is what -20 requires; a second hierarchy for -2 is made below, in iso2",
    )  # fmt: skip
    init.add_argument("--force", action="store_true", help="replace an earlier hierarchy")
    init.add_argument("--group", metavar="NAME", help="may read what the station needs, such as v2g; needs root")
    init.add_argument("--ocsp", metavar="URL", help="the OCSP responder that all certificates name")
    show = actions.add_parser("show", help="explain every certificate; exit code 1 if one has a problem")
    add_json(show)
    verify = actions.add_parser("verify", help="check what a station shows, or a file; exit code 1 if it does not hold")
    verify.add_argument("target", metavar="ENDPOINT|FILE", help="[ADDRESS]:PORT of a station, or a PEM file")
    verify.add_argument("--role", choices=ROLES, help="what a file's leaf is for; by default what it says itself")
    verify.add_argument("--require-ocsp", action="store_true", help="a leaf without an OCSP response does not hold")
    _add_issue(actions.add_parser("issue", help="issue a certificate below an authority of the directory (benches)"))
    install = actions.add_parser("install", help="check certificates, chain and key, and put them into the directory")
    install.add_argument("files", metavar="FILE", type=Path, nargs="+", help="PEM files, in any order")
    install.add_argument("--trust", action="store_true", help="take roots, too: whoever is below them is trusted")
    watch = actions.add_parser("watch", help="report what ends soon, again and again")
    watch.add_argument("--once", action="store_true", help="once; exit code 1 if there is something to report")
    watch.add_argument("--days", type=float, default=30.0, help="how far ahead (default: 30)")
    watch.add_argument("--every", metavar="HOURS", type=float, default=24.0, help="how often (default: 24)")
    for action in (init, show):
        action.add_argument(
            "directory", metavar="DIR", type=Path, nargs="?", default=DEFAULT_DIRECTORY,
            help=f"default: {DEFAULT_DIRECTORY}",
        )  # fmt: skip
    for name in ("verify", "issue", "install", "watch"):
        actions.choices[name].add_argument(
            "--directory", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help=f"default: {DEFAULT_DIRECTORY}"
        )


def _add_issue(issue: argparse.ArgumentParser) -> None:
    issue.add_argument("role", choices=ROLES)
    issue.add_argument("--name", required=True, help="the common name: SECC id, EVCCID, PCID or eMAID")
    issue.add_argument("--days", type=float, default=365.0, help="how long it is valid (default: 365)")
    issue.add_argument("--stem", help="how the files begin (default: the role's, such as contract)")
    issue.add_argument("--request", metavar="FILE", type=Path, help="a certificate request (CSR) with the public key")
    issue.add_argument("--ocsp", metavar="URL", help="the OCSP responder that it names")


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if something is wrong with what was looked at. Raises `V2GError` if nothing can be done."""
    from v2g.cli import pki_actions

    match args.action:
        case "init":
            return _init(args)
        case "show":
            return _show(args)
        case "verify":
            return pki_actions.verify(args)
        case "issue":
            return pki_actions.issue(args)
        case "install":
            return pki_actions.install(args)
    return pki_actions.watch(args)


def _init(args: argparse.Namespace) -> int:
    from v2g.pki.hierarchy import create

    create(
        args.directory,
        curve=args.curve,
        now=datetime.now(UTC),
        force=args.force,
        group=args.group,
        both=args.curve != "p256",
        ocsp_url=args.ocsp,
    )
    print(f"Test hierarchy written to {args.directory}. `v2g pki show {args.directory}` explains it.")
    return 0


def _show(args: argparse.Namespace) -> int:
    from v2g.pki.explain import explain
    from v2g.pki.store import ISO2

    now = datetime.now(UTC)
    explanations = explain(args.directory, now)
    if (args.directory / ISO2).is_dir():
        below = explain(args.directory / ISO2, now)
        explanations += [each._replace(files=[f"{ISO2}/{file}" for file in each.files]) for each in below]
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
