"""Random draws below the shell, from one place: a recording holds them, a replay repeats them."""

import secrets
from collections.abc import Callable

source: Callable[[int], bytes] = secrets.token_bytes
"""Whatever draws this many octets; another one only while a step is recorded or replayed."""


def octets(count: int) -> bytes:
    """`count` octets that nobody can foresee."""
    return source(count)


def fraction() -> float:
    """0..1, without the 1."""
    return int.from_bytes(octets(4)) / (1 << 32)
