"""The tariff that the configuration names: a file with prices by the time of day, signed with keys beside it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import yaml
from msgspec import Meta, Struct

from v2g.iso15118.contract import Priced
from v2g.iso15118.day_tariff import DayTariff, Step
from v2g.kernel import regular_file
from v2g.kernel.bounded_yaml import TooLarge, load
from v2g.kernel.errors import V2GError
from v2g.kernel.nearest import with_nearest
from v2g.messages import ExiError, encode_fragment
from v2g.station.config.settings import TariffSettings

if TYPE_CHECKING:  # a station without contracts loads no cryptography for it
    from v2g.iso15118.signature import PrivateKey


class TariffError(V2GError):
    """The tariff cannot be used. Names the file and the remedy."""


class _Price(Struct, forbid_unknown_fields=True, kw_only=True):
    start: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = msgspec.field(name="from")
    """UTC."""
    price: Annotated[float, Meta(ge=-1_000, le=1_000)]
    """Of a kWh."""
    level: Annotated[int, Meta(ge=1, le=255)]

    @property
    def from_s(self) -> int:
        hours, minutes = self.start.split(":")
        return int(hours) * 3600 + int(minutes) * 60


class _File(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")] = "en"
    prices: Annotated[list[_Price], Meta(min_length=1, max_length=96)]


class FileTariff:
    """`v2g.iso15118.contract.Prices` from a file. It is read once; a signature is made for each car."""

    def __init__(self, settings: TariffSettings, clock: Callable[[], float] = time.time) -> None:
        """Raises `TariffError`."""
        self._clock = clock
        self._tariffs = [_read(file) for file in (settings.file, *settings.others)]
        keys = {"ISO 15118-2": settings.iso2_key, "ISO 15118-20": settings.iso20_key}
        self._keys = {edition: _key(file) for edition, file in keys.items() if file is not None}
        self._try(settings)

    def _try(self, settings: TariffSettings) -> None:
        """What no message can carry is found now, not when a car is at the cable. Raises `TariffError`."""
        for file, each in zip((settings.file, *settings.others), self._tariffs, strict=True):
            try:
                encode_fragment("iso2", "SalesTariff", each.sales_tariff(0))
                encode_fragment("iso20-common", "AbsolutePriceSchedule", each.price_schedule(0))
            except ExiError as error:
                raise TariffError(f"tariff {file}: {error}; see docs/plug-and-charge.md") from error
        for edition in self._keys:
            try:
                self.tariff(edition, "a contract")
            except V2GError as error:
                raise TariffError(f"key of the tariff for {edition}: {error}") from error

    def tariff(self, edition: str, contract: str) -> Priced | None:
        """See the port. With a contract it is signed, if there is a key for the edition."""
        now_s = int(self._clock())
        key = self._keys.get(edition) if contract else None
        if edition == "ISO 15118-2":
            return _priced("iso2", [each.sales_tariff(now_s, n) for n, each in enumerate(self._tariffs, 1)], key)
        if edition == "ISO 15118-20":
            schedules = [each.price_schedule(now_s, n) for n, each in enumerate(self._tariffs, 1)]
            return _priced("iso20-common", schedules, key)
        return None


def _priced(message_set: str, tariffs: Sequence[Any], key: "PrivateKey | None") -> Priced:
    signature = None
    if key is not None:
        from v2g.iso15118.signature import sign

        signature = sign(message_set, [(type(each).__name__, each) for each in tariffs], key)
    return Priced(tariffs[0], signature, tuple(tariffs[1:]))


def _read(file: Path) -> DayTariff:
    try:
        found = msgspec.convert(load(regular_file.read_text(file)), _File)
    except OSError as error:
        raise TariffError(f"tariff {file}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        reason = with_nearest(error, _File, _Price)
        raise TariffError(f"tariff {file}: {reason}; see docs/plug-and-charge.md") from error
    except (TooLarge, ValueError, yaml.YAMLError) as error:
        raise TariffError(f"tariff {file}: {error}; see docs/plug-and-charge.md") from error
    starts = [each.from_s for each in found.prices]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise TariffError(f'tariff {file}: `from` must begin with "00:00" and increase')
    steps = tuple(Step(each.from_s, each.price, each.level) for each in found.prices)
    return DayTariff(found.name, found.currency, found.language, steps)


def _key(file: Path) -> "PrivateKey":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from v2g.pki.issue import PrivateKey

    try:
        key = load_pem_private_key(regular_file.read(file), None)
    except OSError as error:
        raise TariffError(f"key of the tariff {file}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise TariffError(f"key of the tariff {file}: no PEM private key without a password") from error
    if not isinstance(key, PrivateKey):
        raise TariffError(f"key of the tariff {file}: neither an EC nor an Ed448 key")
    return key
