"""Who is known to the station without asking: the local list (block D) and the cache of answers (C10 to C14)."""

from dataclasses import dataclass

from msgspec import UNSET, Struct

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode, given
from v2g.ocpp.device_model import DeviceModel, Variable
from v2g.ocpp.store import Store

LIST, CACHE, VERSION = "local list", "token cache", "local list version"
MOST_LISTED, MOST_CACHED = 2_000, 500
LARGEST_CACHED = 8_192
"""Of an answer, as JSON; a larger one is asked for again."""
VARIABLES = (
    Variable("LocalAuthListCtrlr", "Enabled", "true", "boolean", "ReadWrite"),
    Variable("LocalAuthListCtrlr", "Available", "true", "boolean"),
    Variable("LocalAuthListCtrlr", "ItemsPerMessage", "1000", "integer"),
    Variable("LocalAuthListCtrlr", "BytesPerMessage", "1000000", "integer"),
    Variable("LocalAuthListCtrlr", "DisablePostAuthorize", "false", "boolean", "ReadWrite"),
    Variable("AuthCacheCtrlr", "Enabled", "true", "boolean", "ReadWrite"),
    Variable("AuthCacheCtrlr", "Available", "true", "boolean"),
    Variable("AuthCacheCtrlr", "LifeTime", "864000", "integer", "ReadWrite", "s", 1, 31_536_000),
    Variable("AuthCacheCtrlr", "DisablePostAuthorize", "false", "boolean", "ReadWrite"),
    Variable("AuthCtrlr", "Enabled", "true", "boolean"),
    Variable("AuthCtrlr", "LocalPreAuthorize", "true", "boolean", "ReadWrite"),
    Variable("AuthCtrlr", "LocalAuthorizeOffline", "true", "boolean", "ReadWrite"),
    Variable("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "false", "boolean", "ReadWrite"),
    Variable("AuthCtrlr", "DisableRemoteAuthorization", "false", "boolean", "ReadWrite"),
    Variable("AuthCtrlr", "MasterPassGroupId", "", "string", "ReadWrite"),
    Variable("AuthCtrlr", "SupportedIdTokenTypes", "Central,EVCCID,ISO14443,eMAID,NoAuthorization", "MemberList"),
)


class Cached(Struct, frozen=True):
    """An answer of the back end about a token."""

    token: v21.IdTokenType
    info: v21.IdTokenInfoType
    at_s: float
    """Unix time."""
    transfers: tuple[v21.EnergyTransferModeEnumType, ...] | None = None
    """What it allows the car to do (Q01); None if it does not say so."""
    tariff: v21.TariffType | None = None
    """That of the driver (I08)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the station knows of a token."""

    info: v21.IdTokenInfoType
    listed: bool
    """In the local list; otherwise in the cache."""
    transfers: tuple[v21.EnergyTransferModeEnumType, ...] | None = None
    """What the back end has allowed the car to do, if it has said so; the list does not."""
    tariff: v21.TariffType | None = None
    """That of the driver, from the cache."""


class Tokens:
    """Both stores of a station. They survive a restart."""

    def __init__(self, store: Store, model: DeviceModel) -> None:
        self._store, self._model = store, model
        self._list: dict[str, v21.AuthorizationData] = {}
        self._cache: dict[str, Cached] = {}
        self.version = 0
        model.add(VARIABLES)
        model.add(
            (
                Variable("LocalAuthListCtrlr", "Entries", data_type="integer", high=MOST_LISTED,
                         read=lambda: str(len(self._list))),
                Variable("AuthCacheCtrlr", "Storage", data_type="integer", high=MOST_CACHED,
                         read=lambda: str(len(self._cache))),
            )
        )  # fmt: skip
        for (kind, key), value in store.found.items():
            try:
                if kind == LIST:
                    self._list[key] = decoder(v21.AuthorizationData).decode(value)
                elif kind == CACHE:
                    self._cache[key] = decoder(Cached).decode(value)
                elif kind == VERSION:
                    self.version = int(value)
            except ValueError:  # of another release of this software
                continue

    # The local list

    def listed(self, asked: v21.SendLocalListRequest) -> v21.SendLocalListStatusEnumType:
        """Take over a list, or changes of it (D01)."""
        rows = given(asked.localAuthorizationList, ())
        differs = asked.updateType == "Differential"
        keys = [_key(row.idToken) for row in rows]
        if not self._model.flag("LocalAuthListCtrlr", "Enabled") or asked.versionNumber <= 0:
            return "Failed"
        if len(set(keys)) < len(keys):
            return "Failed"
        if differs and asked.versionNumber <= self.version:
            return "VersionMismatch"
        if not differs and any(row.idTokenInfo is UNSET for row in rows):
            return "Failed"
        after = (set(self._list) if differs else set()) | {
            key for key, row in zip(keys, rows, strict=True) if row.idTokenInfo is not UNSET
        }
        if len(after) > MOST_LISTED:
            return "Failed"
        for key in [] if differs else list(self._list):
            self._put(key, None)
        for key, row in zip(keys, rows, strict=True):
            self._put(key, None if row.idTokenInfo is UNSET else row)
        self.version = asked.versionNumber
        self._store.put(VERSION, "1", str(self.version).encode())
        return "Accepted"

    @property
    def reported_version(self) -> int:
        """0 if there is no list (D02)."""
        return self.version if self._list and self._model.flag("LocalAuthListCtrlr", "Enabled") else 0

    def _put(self, key: str, row: v21.AuthorizationData | None) -> None:
        if row is None:
            self._list.pop(key, None)
        else:
            self._list[key] = row
        self._store.put(LIST, key, None if row is None else encode(row))

    # The cache

    def answered(
        self,
        token: v21.IdTokenType,
        info: v21.IdTokenInfoType,
        unix_s: float,
        transfers: tuple[v21.EnergyTransferModeEnumType, ...] | None = None,
        tariff: v21.TariffType | None = None,
    ) -> None:
        """The back end has said what it thinks of a token (C10), and to `Authorize` what its car may do and pays."""
        if not self._model.flag("AuthCacheCtrlr", "Enabled") or token.type == "NoAuthorization":
            return
        key = _key(token)
        if self._cache.pop(key, None) is not None:
            self._store.put(CACHE, key, None)
        found = Cached(token, info, unix_s, transfers, tariff)
        if len(written := encode(found)) > LARGEST_CACHED:
            return
        self._cache[key] = found
        self._store.put(CACHE, key, written)
        if len(self._cache) > MOST_CACHED:
            self._forget(next(iter(self._cache)))

    def clear(self) -> bool:
        """Forget all answers; False if there is no cache."""
        if not self._model.flag("AuthCacheCtrlr", "Enabled"):
            return False
        for key in list(self._cache):
            self._forget(key)
        return True

    def forget(self, token: v21.IdTokenType) -> bool:
        """Forget one answer (N10); whether there was one."""
        found = _key(token) in self._cache
        if found:
            self._forget(_key(token))
        return found

    def cached(self, token: v21.IdTokenType) -> Cached | None:
        """What the cache has of a token, expired or not."""
        return self._cache.get(_key(token))

    def _forget(self, key: str) -> None:
        del self._cache[key]
        self._store.put(CACHE, key, None)

    # Both

    def known(self, token: v21.IdTokenType, unix_s: float) -> Known | None:
        """What the list says of a token, otherwise the cache (C13: the list comes first). Expired counts as Expired."""
        row, cached = self._list.get(_key(token)), self.cached(token)
        if row is not None and self._model.flag("LocalAuthListCtrlr", "Enabled"):
            info = given(row.idTokenInfo, None)
            if info is not None:
                transfers, tariff = (None, None) if cached is None else (cached.transfers, cached.tariff)
                return Known(_expired(info, unix_s), listed=True, transfers=transfers, tariff=tariff)
        if cached is None or not self._model.flag("AuthCacheCtrlr", "Enabled"):
            return None
        if unix_s >= cached.at_s + self._model.number("AuthCacheCtrlr", "LifeTime"):
            self._forget(_key(token))
            return None
        return Known(_expired(cached.info, unix_s), listed=False, transfers=cached.transfers, tariff=cached.tariff)

    def why_not(self, info: v21.IdTokenInfoType, evse: int) -> str | None:
        """Why a token with this answer may not charge at an EVSE, or None."""
        if info.status != "Accepted":
            return info.status
        places = given(info.evseId, None)
        if places is not None and evse not in places and 0 not in places:
            return f"it is not for EVSE {evse}"
        group = given(info.groupIdToken, None)
        master = self._model.text("AuthCtrlr", "MasterPassGroupId")
        if group is not None and master and group.idToken.lower() == master.lower():
            return "a master pass starts no transaction"  # C16.FR.03
        return None


def _key(token: v21.IdTokenType) -> str:
    """Tokens are equal by value, whatever the case of its letters, and type (C01.FR.25)."""
    return f"{token.type} {token.idToken.lower()}"


def _expired(info: v21.IdTokenInfoType, unix_s: float) -> v21.IdTokenInfoType:
    until = given(info.cacheExpiryDateTime, None)
    if until is None or unix_s < until.timestamp() or info.status != "Accepted":
        return info
    return v21.IdTokenInfoType(status="Expired", groupIdToken=info.groupIdToken)
