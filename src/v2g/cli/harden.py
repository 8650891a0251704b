"""`v2g harden`: the machine of a station made safe by its configuration: shown, applied, audited, undone."""

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json
from v2g.cli.daemon import add_start, started
from v2g.cli.parser import UsageError
from v2g.cli.terminal import complain, width
from v2g.harden import MEASURE_NAMES

if TYPE_CHECKING:
    from v2g.harden.machine import Machine
    from v2g.harden.measure import Finding, Measure, Wanted

ACTIONS = {
    "show": "what would be changed, in full; changes nothing",
    "apply": "show the changes, ask, and make them",
    "audit": "pass or fail of each measure, with the remedy",
    "undo": "show the way back, ask, and go it",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(ACTIONS))
    for name, purpose in ACTIONS.items():
        action = actions.add_parser(name, help=purpose)
        if name != "undo":
            names = ", ".join(MEASURE_NAMES)
            action.add_argument("measures", nargs="*", metavar="MEASURE", help=f"all, or some of {names}")
            add_start(action)
            action.add_argument(
                "--firewall", choices=("nftables", "iptables"), default="nftables", help="default: nftables"
            )
        if name in ("apply", "undo"):
            action.add_argument("--yes", action="store_true", help="do not ask")
        if name == "audit":
            add_json(action)
        action.add_argument(
            "--root", type=Path, default=Path("/"), metavar="DIR", help="an image of the machine instead of this one"
        )


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if the audit finds a failure, nobody agreed, or not all can be undone. Raises `V2GError`."""
    from v2g.harden.machine import Machine

    machine = Machine(args.root.resolve())
    if args.action == "undo":
        return _undo(machine, sure=args.yes)
    from v2g.harden.measures import MEASURES

    for name in args.measures:
        if name not in MEASURE_NAMES:
            raise UsageError(f"there is no measure {name!r}; there are {', '.join(MEASURE_NAMES)}")
    chosen = [each for each in MEASURES if not args.measures or each.name in args.measures]
    wanted = _wanted(args)
    if args.action == "audit":
        return _audit(chosen, wanted, machine, as_json=args.json)
    return _change(chosen, wanted, machine, applied=args.action == "apply", sure=getattr(args, "yes", False))


def _wanted(args: argparse.Namespace) -> "Wanted":
    from v2g.harden.measure import Wanted
    from v2g.harden.openings import Start
    from v2g.io.configuration import load

    settings, _ = load(args.config)
    settings = started(settings, args)
    urls = [] if args.no_tls else _ocsp_urls(settings.tls.certificate or settings.tls.directory / "secc_cert.pem")
    return Wanted(settings, args.config.resolve(), Start(not args.no_tls, args.host, tuple(urls)), args.firewall)


def _ocsp_urls(certificate: Path) -> list[str]:
    """Who says whether the station's certificate was revoked. Nobody if it cannot be read; the daemon reports that."""
    from v2g.kernel.errors import V2GError
    from v2g.tls.files import certificates

    try:
        return [url for each in certificates(certificate)[:1] for url in each.ocsp_urls]
    except V2GError:
        return []


def _audit(measures: "Sequence[Measure]", wanted: "Wanted", machine: "Machine", *, as_json: bool) -> int:
    from v2g.harden.measure import Verdict

    found = [finding for each in measures for finding in each.audit(wanted, machine)]
    failed = sum(each.verdict is Verdict.FAIL for each in found)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(_row(each))
        print(f"{failed or 'no'} failure{'' if failed == 1 else 's'} in {len(found)} findings")
    return 1 if failed else 0


def _row(finding: "Finding") -> str:
    lines = textwrap.wrap(f"{finding.verdict:5} {finding.measure}: {finding.text}", width(), subsequent_indent=" " * 6)
    if finding.remedy:
        lines += textwrap.wrap(finding.remedy, width(), initial_indent=" " * 6 + "-> ", subsequent_indent=" " * 9)
    return "\n".join(lines)


def _change(measures: "Sequence[Measure]", wanted: "Wanted", machine: "Machine", *, applied: bool, sure: bool) -> int:
    from v2g.harden.machine import HardenError, because, carry_out, shown

    changes = {each.name: list(each.changes(wanted, machine)) for each in measures}
    for each in measures:
        print(f"{each.name}: {each.purpose}")
        for text in filter(None, (shown(machine, change) for change in changes[each.name])):
            print(textwrap.indent(text, "  "))
    count = sum(map(len, changes.values()))
    if not count:
        print("nothing is to be changed")
    if not count or not applied:
        return 0
    if changes.get("firewall") and "SSH_CONNECTION" in os.environ and not wanted.settings.maintenance:
        print("you are here over SSH, and `maintenance` in the configuration names no way in: the next one is refused")
    if not (sure or _agreed("make these changes?")):
        return 1
    for name, ones in changes.items():
        for change in ones:
            try:
                carry_out(machine, name, change)
            except (HardenError, OSError) as error:
                text = f"{name}: {because(error)}; nothing more was changed, `v2g harden undo` goes back"
                raise HardenError(text) from error
    print("done; `v2g harden undo` goes back, `v2g harden audit` says what is left")
    if changes.get("unit"):
        print("the unit holds from the daemon's next start: `v2g restart`")
    return 0


def _undo(machine: "Machine", *, sure: bool) -> int:
    from v2g.harden.machine import LEDGER, described, ledger, undo

    entries = ledger(machine)
    if not entries:
        print("nothing was changed, or all is undone")
        return 0
    for entry in reversed(entries):
        if text := described(entry):
            print(f"{entry['measure']}: {text}")
    if not (sure or _agreed("go back?")):
        return 1
    if troubles := undo(machine):
        for text in troubles:
            complain(f"not undone: {text}")
        print("all else is as it was; `v2g harden undo` tries what is left again")
        print(f"what you undo by hand, take out of {machine.root / LEDGER}")
        return 1
    print("all is as it was")
    return 0


def _agreed(question: str) -> bool:
    """Raises `UsageError` if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise UsageError(f"nobody is there to ask `{question}`; read what is shown, then say --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
