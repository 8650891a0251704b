"""Memory of the station after ten sessions; for Josev's with the Java process that holds its codec."""

from benchmarks.figure import Figure, Setting, beside
from benchmarks.stations import ten_sessions


def measure(setting: Setting) -> list[Figure]:
    """Resident set after ten bidirectional DC sessions over TLS."""
    return [beside("resident_after_ten_sessions", "mib", lambda name: ten_sessions(setting, name).resident_mib)]
