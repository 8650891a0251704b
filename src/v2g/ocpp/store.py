"""What a station must remember over a restart, as rows by kind and key; the port to whoever keeps them."""

from typing import Protocol


class Store(Protocol):
    """Obligations: `put` returns at once and never raises; rows reach the disk in the order in which they came, and a
    commit is whole or not at all; `found` is what an earlier process left behind."""

    found: dict[tuple[str, str], bytes]
    """Kind and key -> value."""
    committed: int
    """All rows up to this number are on the disk."""

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row, or forget it (None). Returns its number."""
        ...


class Memory:
    """A store that forgets at the end of the process."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], bytes] = {}
        self.committed = 0

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep the row while the process lasts."""
        if value is None:
            self.found.pop((kind, key), None)
        else:
            self.found[kind, key] = value
        self.committed += 1
        return self.committed
