"""`v2g encode`: messages as JSON lines to EXI, the way back from `v2g decode --protocol`."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.messages import PROTOCOLS

    parser.add_argument("--protocol", required=True, choices=[*PROTOCOLS], metavar="NAME", help=", ".join(PROTOCOLS))
    help_text = 'a document such as {"SessionStopReq": {...}}, or a line of v2g decode; - reads lines from stdin'
    parser.add_argument("--json", required=True, metavar="JSON", help=help_text)


def run(args: argparse.Namespace) -> int:
    """Prints a line of hexadecimal EXI, or an object with the error, for each line. Returns 0."""
    from v2g.capture.lines import encoded

    for line in encoded(args.protocol, sys.stdin if args.json == "-" else [args.json]):
        print(line)
    return 0
