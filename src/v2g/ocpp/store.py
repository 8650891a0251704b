"""What a station must remember over a restart, as rows by kind and key; the port to whoever keeps them."""

from typing import Protocol


class Store(Protocol):
    """Obligations: `put` and `commit` return at once and never raise; what was put between two commits reaches the disk
    together or not at all, in the order of the commits; `found` is what an earlier process left behind."""

    @property
    def found(self) -> dict[tuple[str, str], bytes]:
        """Kind and key -> value."""
        ...

    @property
    def committed(self) -> int:
        """All rows up to this number are on the disk."""
        ...

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row, or forget it (None), with the next commit. Returns its number."""
        ...

    def commit(self) -> None:
        """Hand over what was put: a transaction and its event, say, which contradict each other if one is lost."""
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

    def commit(self) -> None:
        """Nothing is left to do."""
