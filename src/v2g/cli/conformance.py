"""`v2g conformance ocpp`: OCPP's test cases and requirements, run against a station."""

import argparse
import json

from v2g.cli.arguments import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", choices=("ocpp",), help="what is tested")
    parser.add_argument(
        "case", nargs="*", help="cases or requirements by the beginning of their number: TC_K, Q08, R04.FR.03"
    )
    parser.add_argument(
        "--suite", choices=("octt", "q-and-r"), action="append",
        help="the station cases of OCTT (2.0.1), or the blocks Q and R of 2.1; both if left out",
    )  # fmt: skip
    parser.add_argument(
        "--every-profile", action="store_true", help="also OCTT's profiles that this station is not for"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0 if nothing failed, otherwise 1."""
    from v2g.bench.conformance import runner
    from v2g.bench.conformance.cases import SUITES, Verdict
    from v2g.kernel.printable import printable

    found = []
    for suite in args.suite or SUITES:
        ids = runner.chosen(suite, args.case, every_profile=args.every_profile)
        for result in runner.run(ids):
            found.append(result)
            if not args.json:
                print(printable(f"{result.id:<16} {result.verdict:<15} {result.text}").rstrip(), flush=True)
    if args.json:
        print(json.dumps([{"id": each.id, "verdict": each.verdict, "text": each.text} for each in found], indent=2))
    else:
        print(runner.summary(found))
    return 1 if any(each.verdict is Verdict.FAIL for each in found) else 0
