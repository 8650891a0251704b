"""What a vehicle's driver needs: who may say so, whose value holds, and the fleet's list.

Departure, and energy or target SoC, are those of the first source in the order of `Source` that states them. The floor
is the highest that anybody states: nobody can lower another's. If nobody does, the depot's configuration may. Without a
floor there is no discharge.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite, isnan

import msgspec
from msgspec import Struct

from v2g.depot.columns import MOST_WH
from v2g.depot.configuration import FleetVehicle
from v2g.depot.view import Needs, Source
from v2g.kernel.durations import DAY_S
from v2g.kernel.errors import V2GError
from v2g.kernel.units import kwh

UtcOffset = Callable[[float], float]
"""By how much local time, in which people write times of day, is ahead of UTC at a Unix time; it changes in a year."""
YEAR_S = 366 * DAY_S
OVERDUE_S = 3600.0
"""A vehicle that is still there this long after its departure leaves at the same time of the next day."""
SEPARATOR = ";"
"""Between the tokens of one vehicle in the list."""
YES_NO = {"yes": "true", "no": "false"}
MOST_VEHICLES = 20_000
REMEDY = "give floor_soc in the fleet list or for the whole depot"
RANKS = {source: number for number, source in enumerate(Source)}
"""The lower one holds over the higher one."""


class NeedsError(V2GError):
    """What a driver states cannot be; says why."""


class FleetListError(V2GError):
    """The fleet's list cannot be used; names each line that is wrong, and why."""


def utc(unix_s: float) -> float:
    """Of those whose local time is UTC."""
    return 0.0


def joined(stated: Iterable[Needs | None], site_floor_pu: float | None = None) -> Needs | None:
    """The needs that hold, with whose they are; None if nobody states any. `site_floor_pu`: of vehicles without one."""
    ordered = sorted((each for each in stated if each is not None), key=lambda each: RANKS[each.source])
    if not ordered:
        ordered = [] if site_floor_pu is None else [Needs(source=Source.SITE)]
    if not ordered:
        return None
    departure = next((each for each in ordered if _is(each.departure_unix_s)), None)
    energy = next((each for each in ordered if _is(each.target_soc_pu) or _is(each.energy_wh)), None)
    floors = [(each.min_soc_pu, each.source) for each in ordered if each.min_soc_pu is not None]
    floor_pu, floor_by = max(floors, key=lambda each: _floor(each[0]), default=(site_floor_pu, Source.SITE))
    return Needs(
        source=ordered[0].source,
        departure_unix_s=None if departure is None else departure.departure_unix_s,
        energy_wh=None if energy is None or not _is(energy.energy_wh) else energy.energy_wh,
        target_soc_pu=None if energy is None or not _is(energy.target_soc_pu) else energy.target_soc_pu,
        min_soc_pu=None if floor_pu is None else _floor(floor_pu),
        stated_unix_s=(energy or ordered[0]).stated_unix_s,
        departure_by=None if departure is None else departure.source,
        energy_by=None if energy is None else energy.source,
        floor_by=None if floor_pu is None else floor_by,
        feeds=False if any(each.feeds is False for each in ordered) else None,
    )


class StatedNeeds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a driver may state; what is left out is not stated."""

    departure_unix_s: float | None = None
    energy_wh: float | None = None
    target_soc_pu: float | None = None
    min_soc_pu: float | None = None
    feeds: bool | None = None


def by_driver(stated: StatedNeeds, now: float) -> Needs:
    """What a driver states at `now`. Raises `NeedsError` for what cannot be."""
    for name in ("target_soc_pu", "min_soc_pu"):
        share = getattr(stated, name)
        if share is not None and not 0 <= share <= 1:
            raise NeedsError(f"{name}: {share:g}; must be from 0 to 1")
    if stated.energy_wh is not None and not 0 <= stated.energy_wh <= MOST_WH:
        raise NeedsError(f"energy_wh: {stated.energy_wh:g}; must be from 0 to {MOST_WH:g}")
    if stated.departure_unix_s is not None and not 0 < stated.departure_unix_s - now <= YEAR_S:
        raise NeedsError(f"departure_unix_s: {stated.departure_unix_s:g}; must be later than now, within a year")
    if stated.target_soc_pu is not None and stated.target_soc_pu < (stated.min_soc_pu or 0.0):
        raise NeedsError(f"target_soc_pu: {stated.target_soc_pu:g}; must not be below min_soc_pu")
    return Needs(
        source=Source.DRIVER,
        departure_unix_s=stated.departure_unix_s,
        energy_wh=stated.energy_wh,
        target_soc_pu=stated.target_soc_pu,
        min_soc_pu=stated.min_soc_pu,
        feeds=stated.feeds,
        stated_unix_s=now,
    )


def explained(needs: Needs | None, now: float) -> list[str]:
    """Lines for a person: each value and whose it is, or what its lack means."""
    if needs is None:
        return [f"nobody has stated what its driver needs: it is not discharged; {REMEDY}"]
    lines = []
    if needs.min_soc_pu is None:
        lines.append(f"no floor is known: it is not discharged; {REMEDY}")
    else:
        lines.append(f"never below {100 * needs.min_soc_pu:.0f} %, by the {needs.floor_by or needs.source}")
    energy_by = needs.energy_by or needs.source
    if needs.target_soc_pu is not None:
        lines.append(f"needs {100 * needs.target_soc_pu:.0f} % at departure, by the {energy_by}")
    elif needs.energy_wh is not None:
        lines.append(f"needed {kwh(needs.energy_wh)} more when that was stated, by the {energy_by}")
    if needs.feeds is False:
        lines.append("its driver lets nothing be fed from it")
    if needs.departure_unix_s is not None:
        hours = (needs.departure_unix_s - now) / 3600
        when = f"departs in {hours:.1f} h" if hours >= 0 else f"was to depart {-hours:.1f} h ago"
        lines.append(f"{when}, by the {needs.departure_by or needs.source}")
    return lines


def of_list(vehicle: FleetVehicle, since_unix_s: float, now: float, utc_offset_s: UtcOffset) -> Needs | None:
    """What the fleet's list says for the stay that began at `since_unix_s`."""
    if (vehicle.departure, vehicle.target_soc, vehicle.energy_wh, vehicle.floor_soc) == (None, None, None, None):
        return None
    departure_s = None
    if vehicle.departure is not None:
        departure_s = next_time(vehicle.departure, max(since_unix_s, now - OVERDUE_S), utc_offset_s)
    return Needs(
        source=Source.FLEET_LIST,
        departure_unix_s=departure_s,
        target_soc_pu=vehicle.target_soc,
        energy_wh=vehicle.energy_wh,
        min_soc_pu=vehicle.floor_soc,
        stated_unix_s=since_unix_s,
    )


def next_time(clock: str, after_unix_s: float, utc_offset_s: UtcOffset) -> float:
    """When a clock shows this next, such as `07:30`, also beyond a change to or from summer time."""
    hours, minutes = map(int, clock.split(":"))
    offset_s = utc_offset_s(after_unix_s)
    local_s = (after_unix_s + offset_s) // DAY_S * DAY_S + hours * 3600 + minutes * 60
    while (at_s := local_s - utc_offset_s(local_s - offset_s)) <= after_unix_s:
        local_s += DAY_S
    return at_s


def read_list(text: str) -> tuple[FleetVehicle, ...]:
    """The fleet's list: a CSV file whose first line names the columns, which are the fields of `FleetVehicle`.

    A vehicle's tokens are separated by semicolons; what is empty is not stated. Raises `FleetListError`.
    """
    rows = csv.reader(text.removeprefix("\ufeff").splitlines(), strict=True)
    try:
        columns = [each.strip() for each in next(rows, [])]
        _check(columns)
        found, wrong = list[FleetVehicle](), list[str]()
        for row in rows:
            if any(each.strip() for each in row):
                try:
                    found.append(_vehicle(columns, row))
                except (msgspec.ValidationError, FleetListError) as error:
                    wrong.append(f"line {rows.line_num}: {error}")
    except csv.Error as error:
        raise FleetListError(f"line {rows.line_num}: {error}") from error
    wrong += _twice(found)
    if len(found) > MOST_VEHICLES:
        wrong.append(f"{len(found)} vehicles; at most {MOST_VEHICLES} fit")
    if wrong:
        raise FleetListError("; ".join(wrong[:20]))
    return tuple(found)


def _check(columns: Sequence[str]) -> None:
    known = FleetVehicle.__struct_fields__
    if unknown := [each for each in columns if each not in known]:
        raise FleetListError(f"line 1: there is no column {unknown[0]!r}; the columns are {', '.join(known)}")
    if missing := [each for each in ("id", "tokens") if each not in columns]:
        raise FleetListError(f"line 1: the column {missing[0]} is missing")
    if len(set(columns)) < len(columns):
        raise FleetListError("line 1: a column is there twice")


def _vehicle(columns: Sequence[str], row: Sequence[str]) -> FleetVehicle:
    if len(row) != len(columns):
        raise FleetListError(f"{len(row)} values, but {len(columns)} columns")
    fields: dict[str, object] = {name: value.strip() for name, value in zip(columns, row, strict=True) if value.strip()}
    fields["tokens"] = [each.strip() for each in str(fields.get("tokens", "")).split(SEPARATOR) if each.strip()]
    if "discharge" in fields:
        fields["discharge"] = YES_NO.get(str(fields["discharge"]).casefold(), fields["discharge"])
    return msgspec.convert(fields, FleetVehicle, strict=False)


def _twice(vehicles: Iterable[FleetVehicle]) -> Iterator[str]:
    seen = dict[str, str]()
    ids = set[str]()
    for vehicle in vehicles:
        if vehicle.id in ids:
            yield f"vehicle {vehicle.id} is there twice"
        ids.add(vehicle.id)
        for token in vehicle.tokens:
            if (other := seen.setdefault(token, vehicle.id)) != vehicle.id:
                yield f"the token {token} of {vehicle.id} is {other}'s already"


def _is(value: float | None) -> bool:
    return value is not None and isfinite(value)


def _floor(value: float) -> float:
    """Within 0 to 1. What is not a number permits nothing."""
    return 1.0 if isnan(value) else min(1.0, max(0.0, value))


__all__ = [
    "RANKS", "FleetListError", "NeedsError", "StatedNeeds", "UtcOffset", "by_driver", "explained", "joined",
    "next_time", "of_list", "read_list", "utc",
]  # fmt: skip
