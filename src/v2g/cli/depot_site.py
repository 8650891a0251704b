"""`v2g depot --site demo`: a day of a house with sun, prices and a car, in a minute."""

import argparse
import time

SECONDS = 60.0


def demonstrate(args: argparse.Namespace) -> int:
    """Returns 0 if the site was at least as cheap as charging at once, and its limits held; otherwise 1."""
    from v2g.bench.depot.home_demo import perform
    from v2g.bench.depot.home_report import good, table, write

    def wait(seconds: float) -> None:
        time.sleep(seconds)

    done = perform(args.seconds or SECONDS, lambda text: print(text, flush=True), time.monotonic, wait)
    args.output.mkdir(parents=True, exist_ok=True)
    report = write(args.output / "home.html", done)
    print(f"\n{table(done)}\n\n  report  {report.resolve()}")
    return 0 if good(done) else 1
