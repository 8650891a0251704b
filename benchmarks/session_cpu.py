"""Processor time of the station for a whole bidirectional DC session over TLS, ten cycles of the charge loop."""

from statistics import median

from benchmarks.figure import Figure, Setting, beside
from benchmarks.stations import ten_sessions


def measure(setting: Setting) -> list[Figure]:
    """The first session after the start, and the median of the nine that follow."""
    return [
        beside("first_session_cpu", "s", lambda name: ten_sessions(setting, name).cpu_s[0]),
        beside("session_cpu", "s", lambda name: median(ten_sessions(setting, name).cpu_s[1:])),
    ]
