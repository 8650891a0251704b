"""`v2g depot simulate`: days of a depot in virtual time, with several strategies in one table."""

import argparse
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from v2g.cli.arguments import add_json, calendar_day, number, whole
from v2g.cli.terminal import Progress
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.depot.simulate.day import Outcome, Recorded, Scene

OURS = "v2g"
NAMES = (OURS, "equal-share", "fcfs", "edf")
_ROWS = (
    ("strategy", "strategy", "{}"),
    ("charged_kwh", "charged, kWh", "{:.0f}"),
    ("fed_kwh", "fed, kWh", "{:.0f}"),
    ("short_visits_pu", "vehicles that left short", "{:.1%}"),
    ("short_energy_pu", "energy missing at departure", "{:.2%}"),
    ("feed_error_pu", "error of the feed asked for", "{:.1%}"),
    ("peak_kw", "peak, kW", "{:.0f}"),
    ("cost_eur", "cost, EUR", "{:.0f}"),
    ("floor_vehicle_h", "below the floor, vehicle-hours", "{:.1f}"),
    ("overload_kwh", "overload of feeders, kWh", "{:.1f}"),
    ("changes_per_charger_h", "set-points of a charger in an hour", "{:.0f}"),
    ("step_ms", "time for a step, ms", "{:.2f}"),
)


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    simulate = actions.add_parser("simulate", help="days of a depot in virtual time, with several strategies")
    simulate.add_argument("--chargers", type=whole(least=1, most=20_000), default=50, metavar="N", help="default: 50")
    simulate.add_argument("--days", type=whole(least=1, most=366), default=1, metavar="D", help="default: 1")
    vehicles = simulate.add_mutually_exclusive_group()
    vehicles.add_argument(
        "--site", choices=("home", "public", "work"), default="work", help="whose vehicles come (default: work)"
    )
    vehicles.add_argument(
        "--sessions", type=Path, metavar="FILE",
        help="CSV: arrival, departure, energy_kwh; each visit is one of these, drawn at random",
    )  # fmt: skip
    simulate.add_argument(
        "--strategy", choices=NAMES, action="append", metavar="NAME", help=f"{', '.join(NAMES)}; default: all"
    )
    simulate.add_argument("--cycle-s", type=number(least=1, most=60), default=10.0, metavar="S", help="default: 10")
    costs = simulate.add_mutually_exclusive_group()
    costs.add_argument("--season", choices=("winter", "summer"), default="winter", help="of the prices")
    costs.add_argument("--prices", type=Path, metavar="FILE", help="CSV: from, eur_per_mwh (or buy_per_kwh)")
    simulate.add_argument(
        "--first-day", type=calendar_day, metavar="DAY", help="of the prices of --prices (default: its first one)"
    )
    simulate.add_argument("--seed", type=whole(least=0), default=0, metavar="N", help="default: 0")
    add_json(simulate)


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `V2GError`."""
    from v2g.depot.simulate.day import SEASONS, Scene

    if args.first_day is not None and args.prices is None:
        raise V2GError("--first-day: is of --prices; name a file of prices too")
    scene = Scene(
        chargers=args.chargers,
        days=args.days,
        kind=str(args.sessions or args.site),
        seed=args.seed,
        step_s=args.cycle_s,
        season=str(args.prices or SEASONS[args.season == "summer"]),
    )
    recorded = _recorded(args)
    outcomes = [_simulated(scene, name, recorded) for name in args.strategy or NAMES]
    if args.json:
        from msgspec import to_builtins

        print(json.dumps({"scene": to_builtins(scene), "outcomes": to_builtins(outcomes)}, indent=2))
    else:
        _print(outcomes)
    return 0


def _recorded(args: argparse.Namespace) -> "Recorded":
    from v2g.depot.simulate.day import Recorded
    from v2g.io import recorded_days

    recorded = Recorded()
    if args.sessions is not None:
        sessions, left_out, first = recorded_days.sessions(args.sessions)
        if left_out:
            text = f"{left_out} of {left_out + len(sessions)} rows left out: nothing charged, or no stay"
            print(f"{args.sessions}:{first}: {text}; this is the first one", file=sys.stderr)
        recorded = replace(recorded, sessions=sessions)
    if args.prices is not None:
        found = recorded_days.prices(args.prices, args.days, args.first_day)
        recorded = replace(recorded, prices_eur_per_mwh=found)
    return recorded


def _simulated(scene: "Scene", name: str, recorded: "Recorded") -> "Outcome":
    from v2g.depot.controller import Controller, Settings
    from v2g.depot.simulate import day
    from v2g.depot.simulate.strategy import STRATEGIES, Ours, Strategy

    strategy: Strategy
    if name == OURS:
        strategy = Ours(Controller(Settings(cycle_s=scene.step_s, meter_stale_s=2 * scene.step_s, silent_s=120.0)))
    else:
        strategy = STRATEGIES[name](scene.step_s)

    shown = Progress(f"% of {name}")
    done_pc = 0

    def progress(done_pu: float) -> None:
        nonlocal done_pc
        shown.step(int(100 * done_pu) - done_pc)
        done_pc = int(100 * done_pu)

    try:
        return day.run(scene, name, strategy, progress, perf_counter, recorded)
    finally:
        shown.remove()


def _print(outcomes: "list[Outcome]") -> None:
    """A line for each figure, a column for each strategy."""
    rows = [[title, *(form.format(getattr(each, name)) for each in outcomes)] for name, title, form in _ROWS]
    widths = [max(len(row[column]) for row in rows) for column in range(1 + len(outcomes))]
    for title, *cells in rows:
        print("  ".join([title.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]))
