"""Cars that are known to deviate from the standards, and what the station allows them: the data of `quirks.toml`.

A car is known by its power-line MAC once it is matched, by its EVCCID from SessionSetup on. Both can be made up, so an
allowance never goes beyond what the EVSE's own configuration could allow everybody.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from v2g.station.config.settings import EvseSettings
from v2g.station.event import KnownDeviation

Text = Annotated[str, Meta(min_length=1)]


class Quirk(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One deviation of one kind of car. The last three are the allowances; without any it is only reported."""

    car: Text
    deviation: Text
    source: Annotated[tuple[Text, ...], Meta(min_length=1)]
    mac: tuple[Annotated[str, Meta(pattern=r"^([0-9A-F]{2}:){2,5}[0-9A-F]{2}$")], ...] = ()
    """Prefixes of the power-line MAC, of three bytes (the maker's OUI) or more."""
    evcc_id: Text | None = None
    """Regular expression for the whole EVCCID. Then the offer has been made: an allowance is only recommended."""
    timing: Literal["relaxed"] | None = None
    precharge_tolerance_v: Annotated[float, Meta(ge=1, le=50)] | None = None
    price_levels: Literal[True] | None = None

    @property
    def allowances(self) -> dict[str, Any]:
        """Settings of the EVSE, by name."""
        every = {name: getattr(self, name) for name in ("timing", "precharge_tolerance_v", "price_levels")}
        return {name: value for name, value in every.items() if value is not None}

    def describe(self, *, allowed: bool) -> str:
        """For the trace. `allowed`: whether the station follows; otherwise its operator may."""
        settings = ", ".join(f"`{name}: {str(value).lower()}`" for name, value in self.allowances.items())
        verb = "allowed" if allowed else "consider"
        return f"known deviation of {self.car}: {self.deviation}" + (f"; {verb} {settings}" if settings else "")


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    quirk: tuple[Quirk, ...]


def parse(text: str) -> tuple[Quirk, ...]:
    """The entries of a table in TOML. Raises `msgspec.ValidationError`, naming the place."""
    return msgspec.toml.decode(text, type=_Table).quirk


@cache
def shipped() -> tuple[Quirk, ...]:
    """The table of the package."""
    return parse((files(__package__) / "quirks.toml").read_text(encoding="utf-8"))


def of_mac(table: Iterable[Quirk], mac: bytes) -> list[Quirk]:
    """The deviations of a matched car."""
    text = mac.hex(":").upper()
    return [each for each in table if text.startswith(each.mac)]


def of_evcc_id(table: Iterable[Quirk], evcc_id: str) -> list[Quirk]:
    """The deviations of a car that has named itself."""
    return [each for each in table if each.evcc_id is not None and re.fullmatch(each.evcc_id, evcc_id)]


class KnownCars:
    """Whether the cars at one EVSE are among them."""

    def __init__(self, *, look: bool) -> None:
        self.table: tuple[Quirk, ...] | None = None if look else ()
        """None: that of the package, to be read with the first car."""

    def matched(self, mac: bytes | None, evse: EvseSettings) -> tuple[EvseSettings, list[KnownDeviation]]:
        """The settings for a car that connects, and what is known of it. `mac`: of its modem, if it was matched."""
        self.table = shipped() if self.table is None else self.table
        found = [] if mac is None else of_mac(self.table, mac)
        return allowing(evse, found), [KnownDeviation(each.describe(allowed=True)) for each in found]

    def named(self, evcc_id: str) -> list[KnownDeviation]:
        """What is known of a car that has named itself. The offer has been made by then."""
        found = of_evcc_id(self.table or (), evcc_id)
        return [KnownDeviation(each.describe(allowed=False)) for each in found]


def allowing(evse: EvseSettings, quirks: Iterable[Quirk]) -> EvseSettings:
    """The settings for a car with these deviations: never narrower than the EVSE's own."""
    for quirk in quirks:
        allowances = quirk.allowances
        if (own_v := evse.precharge_tolerance_v) is None:
            allowances.pop("precharge_tolerance_v", None)
        elif (wanted_v := quirk.precharge_tolerance_v) is not None:
            allowances["precharge_tolerance_v"] = max(own_v, wanted_v)
        evse = replace(evse, **allowances)
    return evse
