"""`v2g encode`: messages as JSON lines to EXI, the way back from `v2g decode --protocol`."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.messages import PROTOCOLS

    parser.add_argument("--protocol", required=True, choices=[*PROTOCOLS], metavar="NAME", help=", ".join(PROTOCOLS))
    help_text = 'a document such as {"SessionStopReq": {...}}, or a line of v2g decode; - reads lines from stdin'
    parser.add_argument("--json", required=True, metavar="JSON", help=help_text)
    parser.add_argument("--fragment", action="store_true", help="EXI fragments (what is signed)")


def run(args: argparse.Namespace) -> int:
    """Prints a line of hexadecimal EXI, or an object with the error, for each line. Returns 0."""
    from v2g.capture.lines import encoded
    from v2g.cli.decode import text_lines

    lines = text_lines() if args.json == "-" else [args.json]
    for line in encoded(args.protocol, lines, fragment=args.fragment):
        print(line)
    return 0
