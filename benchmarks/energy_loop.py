"""How many exchanges of the charge loop a second the station manages with one car, over TLS 1.3."""

from benchmarks.figure import Figure, Setting, beside
from benchmarks.response_time import charge_loop_s


def measure(setting: Setting) -> list[Figure]:
    """Requests back to back, the car's own time between them left out."""

    def rate(name: str) -> float:
        times = charge_loop_s(setting, name, True)
        return len(times) / sum(times)

    return [beside("charge_loop_rate", "per_s", rate)]
