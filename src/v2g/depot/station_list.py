"""The list of a site's stations: a CSV file, for sites that are too large to write down as YAML."""

import csv
from pathlib import Path

import msgspec

from v2g.depot.configuration import EvsePlace, StationPlace
from v2g.kernel.errors import V2GError

STATION = ("id", "password_file", "serial")
EVSE = ("evse", *(name for name in EvsePlace.__struct_fields__ if name != "id"))
MOST_EVSES = 100_000
LISTED = 20


class StationListError(V2GError):
    """The list cannot be used; names each line and what is wrong with it."""


def read_stations(text: str, directory: Path) -> tuple[StationPlace, ...]:
    """A row is one EVSE; the rows of a station follow one another. What is empty is not stated.

    The first line names the columns: those of `STATION`, and those of `EVSE` as in the configuration, `evse` for the
    EVSE's number. `phases` are written as `123` or `2`. `directory`: where relative paths start. Raises
    `StationListError`.
    """
    rows = csv.reader(text.removeprefix("\ufeff").splitlines(), strict=True)
    found, wrong = dict[str, StationPlace](), list[str]()
    count, latest = 0, ""
    try:
        columns = [each.strip() for each in next(rows, [])]
        _check(columns)
        for row in rows:
            if not any(each.strip() for each in row):
                continue
            count += 1
            try:
                place = _place(columns, row, directory)
            except (msgspec.ValidationError, StationListError) as error:
                wrong.append(f"line {rows.line_num}: {error}")
                continue
            before = found.get(place.id)
            if before is not None and place.id != latest:
                wrong.append(f"line {rows.line_num}: {place.id} is there already; write its EVSEs one after the other")
            elif before is not None:
                place = msgspec.structs.replace(before, evses=(*before.evses, *place.evses))
            found[place.id], latest = place, place.id
    except csv.Error as error:
        raise StationListError(f"line {rows.line_num}: {error}") from error
    if count > MOST_EVSES:
        wrong.append(f"{count} EVSEs; at most {MOST_EVSES} fit")
    if wrong:
        raise StationListError("; ".join(wrong[:LISTED]))
    return tuple(found.values())


def _check(columns: list[str]) -> None:
    known = (*STATION, *EVSE)
    if unknown := [each for each in columns if each not in known]:
        raise StationListError(f"line 1: there is no column {unknown[0]!r}; the columns are {', '.join(known)}")
    if missing := [each for each in ("id", "charge_w") if each not in columns]:
        raise StationListError(f"line 1: the column {missing[0]} is missing")
    if len(set(columns)) < len(columns):
        raise StationListError("line 1: a column is there twice")


def _place(columns: list[str], row: list[str], directory: Path) -> StationPlace:
    if len(row) != len(columns):
        raise StationListError(f"{len(row)} values, but {len(columns)} columns")
    fields: dict[str, object] = {name: value.strip() for name, value in zip(columns, row, strict=True) if value.strip()}
    station = {name: fields.pop(name) for name in STATION if name in fields}
    if "evse" in fields:
        fields["id"] = fields.pop("evse")
    if "phases" in fields:
        fields["phases"] = list(str(fields["phases"]))
    if "password_file" in station:
        station["password_file"] = str(directory / str(station["password_file"]))
    evse = msgspec.convert(fields, EvsePlace, strict=False)
    return msgspec.convert(
        station | {"evses": (msgspec.to_builtins(evse),)},
        StationPlace,
        strict=False,
        dec_hook=lambda kind, value: kind(value),
    )
