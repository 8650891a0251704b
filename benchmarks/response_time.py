"""How long the car waits for a response in the charge loop.

Measured in the car, from before the request is written until the response is decoded, with requests back to back.
"""

from functools import cache, partial
from statistics import quantiles

from benchmarks.figure import Figure, Setting, beside
from benchmarks.stations import drive, running

LOOPS = 300


def measure(setting: Setting) -> list[Figure]:
    """Median and 99th percentile over TCP and over TLS 1.3, milliseconds."""
    return [
        beside(f"charge_loop_response_{'tls' if tls else 'tcp'}_p{percent}", "ms", partial(_ms, setting, tls, percent))
        for tls in (False, True)
        for percent in (50, 99)
    ]


def _ms(setting: Setting, tls: bool, percent: int, name: str) -> float:
    return quantiles(charge_loop_s(setting, name, tls), n=100)[percent - 1] * 1000


@cache
def charge_loop_s(setting: Setting, name: str, tls: bool) -> list[float]:
    """The response times of a charge loop with `LOOPS` requests, at a station that has served one session before."""
    with running(setting, name, tls=tls):
        drive(setting, tls=tls, loops=1)
        return drive(setting, tls=tls, loops=LOOPS)
