"""How much a back end may have the station keep: one that sends large things again and again fills no memory."""

from v2g.ocpp.store import Store
from v2g.ocpp.version import Invalid

MOST_BYTES = 2 << 20
"""Of all rows that a back end fills, as JSON; in memory an object takes up to 25 times as much."""
MOST_OF_A_REQUEST = 128 << 10
"""1024 periods of a schedule have less. The local list may come in larger parts."""
FILLED = frozenset(
    ("profile", "der", "local list", "monitor", "display message", "default tariff", "reservation", "root", "network")
)
"""Kinds of rows that a back end fills."""
FILLING = frozenset(
    (
        "SetChargingProfile", "RequestStartTransaction", "SetDERControl", "SendLocalList", "SetVariableMonitoring",
        "SetDisplayMessage", "SetDefaultTariff", "ChangeTransactionTariff", "ReserveNow", "InstallCertificate",
        "SetNetworkProfile",
    )
)  # fmt: skip
"""Requests that fill them, or what lasts as long as a transaction."""


class Quota:
    """`v2g.ocpp.store.Store`, and what of it a back end has filled."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sizes = {place: len(value) for place, value in store.found.items() if place[0] in FILLED}
        self._total = sum(self._sizes.values())

    @property
    def found(self) -> dict[tuple[str, str], bytes]:
        """As `Store` has it."""
        return self._store.found

    @property
    def committed(self) -> int:
        """As `Store` has it."""
        return self._store.committed

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """As `Store` has it."""
        if kind in FILLED:
            self._total -= self._sizes.pop((kind, key), 0)
            if value is not None:
                self._sizes[kind, key] = len(value)
                self._total += len(value)
        return self._store.put(kind, key, value)

    def commit(self) -> None:
        """As `Store` has it."""
        self._store.commit()

    def admit(self, action: str, size: int) -> None:
        """Raises `Invalid` if a request of that many characters is too large, or there is no room for it."""
        if action not in FILLING:
            return
        if size > MOST_OF_A_REQUEST and action != "SendLocalList":
            raise Invalid("FormatViolation", f"{action} has at most {MOST_OF_A_REQUEST} bytes here, not {size}")
        if self._total + size > MOST_BYTES:
            raise Invalid("InternalError", f"out of memory: {self._total} of {MOST_BYTES} bytes are in use")
