"""The list of a fleet's depots: a CSV file, for fleets that are too large to write down as YAML."""

import csv
from pathlib import Path

import msgspec

from v2g.fleet.configuration import DepotPlace
from v2g.kernel.errors import V2GError

NEEDED = ("id", "charge_w")
MOST_DEPOTS = 100_000
LISTED = 20


class DepotListError(V2GError):
    """The list cannot be used; names each line and what is wrong with it."""


def read_depots(text: str, directory: Path) -> tuple[DepotPlace, ...]:
    """A row is one depot. The first line names the columns, which are the fields of `DepotPlace`; what is empty is not
    stated. `directory`: where relative paths start. Raises `DepotListError`."""
    rows = csv.reader(text.removeprefix("\ufeff").splitlines(), strict=True)
    found, wrong = list[DepotPlace](), list[str]()
    try:
        columns = [each.strip() for each in next(rows, [])]
        _check(columns)
        for row in rows:
            if any(each.strip() for each in row):
                try:
                    found.append(_place(columns, row, directory))
                except (msgspec.ValidationError, DepotListError) as error:
                    wrong.append(f"line {rows.line_num}: {error}")
    except csv.Error as error:
        raise DepotListError(f"line {rows.line_num}: {error}") from error
    if len(found) > MOST_DEPOTS:
        wrong.append(f"{len(found)} depots; at most {MOST_DEPOTS} fit")
    if wrong:
        raise DepotListError("; ".join(wrong[:LISTED]))
    return tuple(found)


def _check(columns: list[str]) -> None:
    known = DepotPlace.__struct_fields__
    if unknown := [each for each in columns if each not in known]:
        raise DepotListError(f"line 1: there is no column {unknown[0]!r}; the columns are {', '.join(known)}")
    if missing := [each for each in NEEDED if each not in columns]:
        raise DepotListError(f"line 1: the column {missing[0]} is missing")
    if len(set(columns)) < len(columns):
        raise DepotListError("line 1: a column is there twice")


def _place(columns: list[str], row: list[str], directory: Path) -> DepotPlace:
    if len(row) != len(columns):
        raise DepotListError(f"{len(row)} values, but {len(columns)} columns")
    fields: dict[str, object] = {name: value.strip() for name, value in zip(columns, row, strict=True) if value.strip()}
    if "password_file" in fields:
        fields["password_file"] = str(directory / str(fields["password_file"]))
    return msgspec.convert(fields, DepotPlace, strict=False, dec_hook=lambda kind, value: kind(value))
