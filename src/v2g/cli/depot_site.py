"""`v2g depot --site demo`: a day of a house with sun, prices and a car, in a minute."""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

SECONDS = 60.0


def demonstrate(args: argparse.Namespace) -> int:
    """Returns 0 if the site was at least as cheap as charging at once, and its limits held; otherwise 1."""
    from v2g.bench.depot.home_demo import perform
    from v2g.bench.depot.home_report import good, table, write

    def wait(seconds: float) -> None:
        time.sleep(seconds)

    with _terminal() as terminal:
        done = perform(args.seconds or SECONDS, lambda text: print(text, file=terminal), time.monotonic, wait)
    args.output.mkdir(parents=True, exist_ok=True)
    report = write(args.output / "home.html", done)
    print(f"\n{table(done)}\n\n  report  {report.resolve()}")
    return 0 if good(done) else 1


@contextmanager
def _terminal() -> Iterator[TextIO]:
    """Standard output, while nobody else can write there: the solver of the plan says its name there each time."""
    with os.fdopen(os.dup(1), "w", buffering=1) as terminal, open(os.devnull, "w") as nobody:
        os.dup2(nobody.fileno(), 1)
        try:
            yield terminal
        finally:
            os.dup2(terminal.fileno(), 1)
