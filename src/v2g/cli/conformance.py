"""`v2g conformance`: test cases and requirements of a protocol, run against a station."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.bench.conformance.cases import Result


class UnknownCaseError(V2GError):
    """No case has such a name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", choices=("ocpp", "iso15118-2"), help="what is tested")
    parser.add_argument(
        "case", nargs="*",
        help="cases or requirements by the beginning of their number: TC_K, Q08, R04.FR.03, PowerDelivery_014",
    )  # fmt: skip
    parser.add_argument(
        "--suite", choices=("octt", "q-and-r"), action="append",
        help="OCPP: the station cases of OCTT (2.0.1), or the blocks Q and R of 2.1; both if left out",
    )  # fmt: skip
    parser.add_argument(
        "--every-profile", action="store_true", help="OCPP: also OCTT's profiles that this station is not for"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write the results as a page")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0 if nothing failed, otherwise 1."""
    from v2g.bench.conformance import report, runner
    from v2g.bench.conformance.cases import Verdict
    from v2g.kernel.printable import printable

    if args.report is not None:
        report.check_writable(args.report)
    found = []
    for result in _results(args):
        found.append(result)
        if not args.json:
            print(printable(f"{result.id:<16} {result.verdict:<15} {result.text}").rstrip(), flush=True)
    if not found:
        named = " or ".join(args.case)
        raise UnknownCaseError(f"no case of {args.protocol} begins with {named}; leave it out to see all")
    if args.report is not None:
        report.write(args.report, args.protocol, found)
    if args.json:
        print(json.dumps([{"id": each.id, "verdict": each.verdict, "text": each.text} for each in found], indent=2))
    else:
        print(runner.summary(found))
    return 1 if any(each.verdict is Verdict.FAIL for each in found) else 0


def _results(args: argparse.Namespace) -> "Iterator[Result]":
    from v2g.bench.conformance import runner, secc
    from v2g.bench.conformance.cases import SUITES

    if args.protocol == "iso15118-2":
        yield from secc.run(args.case)
        return
    for suite in args.suite or SUITES:
        yield from runner.run(runner.chosen(suite, args.case, every_profile=args.every_profile))
