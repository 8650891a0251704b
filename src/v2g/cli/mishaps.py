"""`v2g mishaps`: random sessions with injected faults in the virtual world, and whether every invariant held."""

import argparse

from v2g.cli.arguments import whole
from v2g.cli.terminal import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=whole(least=1), default=1_000, metavar="N", help="default: 1000")
    parser.add_argument("--seed", type=whole(least=0), default=0, metavar="FIRST", help="of the first run; default: 0")
    parser.add_argument("--jobs", type=whole(least=1), default=2, metavar="N", help="processes; default: 2")
    parser.add_argument("--replay", type=whole(least=0), metavar="SEED", help="one run, with its timeline")


def run(args: argparse.Namespace) -> int:
    """Returns 1 if an invariant was broken."""
    return _campaign(args.runs, args.seed, args.jobs) if args.replay is None else _replay(args.replay)


def _campaign(runs: int, first: int, jobs: int) -> int:
    from time import perf_counter

    from v2g.bench.mishaps.campaign import campaign, lines, table

    begun_s, summaries, progress = perf_counter(), [], Progress("runs", runs)
    for summary in campaign(range(first, first + runs), jobs):
        summaries.append(summary)
        for violation in summary.violations:
            progress.remove()
            print(f"FAILED  seed {summary.seed}, at {violation.at_s:.2f} s: {violation.what}", flush=True)
        progress.step()
    progress.remove()
    for line in lines(table(summaries)):
        print(line)
    failed = sorted(summary.seed for summary in summaries if summary.violations)
    due = [each for each in summaries if each.next_served is not None]
    print(
        f"{runs} runs, {sum(len(each.struck) for each in summaries)} mishaps, "
        f"{sum(each.lasted_s for each in summaries) / 3600:.1f} h of virtual time in "
        f"{perf_counter() - begun_s:.0f} s; next cars served: {sum(each.next_served is True for each in due)} of "
        f"{len(due)}; failed: {len(failed) or 'none'}"
    )
    if failed:
        print(f"replay them with `v2g mishaps --replay SEED`: {' '.join(map(str, failed))}")
    return 1 if failed else 0


def _replay(seed: int) -> int:
    from v2g.bench.mishaps import course
    from v2g.bench.mishaps.scenario import draw

    scenario = draw(seed)
    print(f"seed {seed}: {scenario}")
    outcome = course.run(scenario)
    for time_s, what in outcome.timeline:
        print(f"{time_s:9.3f}  {what}")
    print(f"{len(outcome.violations) or 'no'} violations")
    return 1 if outcome.violations else 0
