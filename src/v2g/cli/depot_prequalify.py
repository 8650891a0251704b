"""`v2g depot prequalify`: the grid operator's test, at a running depot or at a simulated one."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json, number, whole
from v2g.cli.parser import UsageError
from v2g.cli.terminal import Progress

if TYPE_CHECKING:
    from v2g.depot.prequalification import Result, Sample, Trial

REPORT = Path("prequalification.html")


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", default_socket: Path) -> None:
    parser = actions.add_parser("prequalify", help="play the grid operator's test (FCR, aFRR), and write the report")
    parser.add_argument("product", choices=("fcr", "afrr"), help="fcr: all of it fed, then drawn; afrr: double hump")
    parser.add_argument(
        "--capacity-kw", type=number(above=0, most=1e6), required=True, metavar="KW", help="what is offered"
    )
    parser.add_argument(
        "--baseline-kw", type=number(least=-1e6, most=1e6), default=0.0, metavar="KW",
        help="the site's power without an order, positive: from the grid (default: 0)",
    )  # fmt: skip
    parser.add_argument("--down", action="store_true", help="afrr: draw from the grid instead of feeding it")
    parser.add_argument(
        "--hold-s",
        type=number(least=60, most=7200),
        metavar="S",
        help="how long an order lasts, 60 to 7200 (default: 900)",
    )
    parser.add_argument(
        "--pause-s",
        type=number(least=60, most=7200),
        metavar="S",
        help="between orders, 60 to 7200 (default: fcr 120, afrr 300)",
    )
    parser.add_argument("--report", type=Path, default=REPORT, metavar="FILE", help=f"default: ./{REPORT}")
    parser.add_argument(
        "--socket", type=Path, default=default_socket, metavar="PATH", help=f"of the depot (default: {default_socket})"
    )
    parser.add_argument("--simulate", action="store_true", help="at a depot in virtual time, with the same controller")
    parser.add_argument(
        "--chargers",
        type=whole(least=1, most=20_000),
        default=60,
        metavar="N",
        help="simulated: of 15 kW (default: 60)",
    )
    parser.add_argument(
        "--leaving", type=number(least=0, most=10_000), default=6.0, metavar="N",
        help="simulated: vehicles that leave in an hour (default: 6)",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole(least=0), default=0, metavar="N", help="simulated (default: 0)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0 if the test is passed, otherwise 1. Raises `V2GError`."""
    from v2g.bench.depot import prequalify_report
    from v2g.depot.prequalification import LIMITS, Product, judge, trial_of

    product = Product(args.product)
    full_s = LIMITS[product].full_s
    for name, given_s in (("--hold-s", args.hold_s), ("--pause-s", args.pause_s)):
        if given_s is not None and given_s <= full_s:
            raise UsageError(f"{name} {given_s:g}: {product} has {full_s:g} s to respond; name a longer time")
    if args.down and product is Product.FCR:
        raise UsageError("--down: fcr is in both directions; leave it out")
    if not args.report.parent.is_dir():
        raise UsageError(f"--report {args.report}: there is no directory {args.report.parent}; make it first")
    trial = trial_of(
        product, 1000 * args.capacity_kw, 1000 * args.baseline_kw, hold_s=args.hold_s, pause_s=args.pause_s,
        up=not args.down,
    )  # fmt: skip
    samples = _played(args, trial)
    result = judge(trial, samples)
    where = f"{args.chargers} chargers, simulated" if args.simulate else f"the depot at {args.socket}"
    prequalify_report.write(args.report, result, samples, where)
    if args.json:
        _print_json(result, samples)
    else:
        print(f"{prequalify_report.table(result)}\n\n  report  {args.report.resolve()}")
    return 0 if result.passed else 1


def _played(args: argparse.Namespace, trial: "Trial") -> "list[Sample]":
    import asyncio

    from v2g.depot.simulate.prequalification import simulated
    from v2g.run.prequalification import live

    shown, done_pc = Progress(f"% of {trial.seconds / 60:.0f} minutes"), 0

    def progress(done_pu: float) -> None:
        nonlocal done_pc
        shown.step(int(100 * done_pu) - done_pc)
        done_pc = int(100 * done_pu)

    try:
        if args.simulate:
            return simulated(trial, progress, chargers=args.chargers, leaving_per_h=args.leaving, seed=args.seed)
        return asyncio.run(live(trial, args.socket, progress))
    finally:
        shown.remove()


def _print_json(result: "Result", samples: "list[Sample]") -> None:
    from msgspec import to_builtins

    figures = [to_builtins(each) | {"passed": each.passed} for each in result.figures]
    found = {
        "trial": to_builtins(result.trial), "passed": result.passed, "qualified_w": result.qualified_w,
        "figures": figures, "samples": to_builtins(samples),
    }  # fmt: skip
    print(json.dumps(_finite(found), indent=2))


def _finite(value: object) -> object:
    """JSON has no NaN: what never happened, or is not known, is null."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and value != value else value
