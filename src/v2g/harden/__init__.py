"""Hardening as code: what a station's machine must look like by its configuration; shown, applied, audited, undone."""

MEASURE_NAMES = ("firewall", "listeners", "clear", "sysctl", "services", "unit", "watchdog", "keys", "root")
"""For a command line that loads nothing else; `measures.MEASURES` has them."""
