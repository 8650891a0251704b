"""Prices of the day from a file or an address: CSV, or JSON as energy-charts.info and aWATTar answer.

    from,buy_per_kwh,sell_per_kwh
    2026-11-28T00:00:00+01:00,0.21,0.08
    2026-11-28T01:00:00+01:00,0.19,0.08

The last price holds as long as the one before it did; afterwards there are no prices.
"""

import csv
from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from v2g.depot.request import Price, PriceRequest
from v2g.depot.site.configuration import Tariff
from v2g.io.depot_schedule import ScheduleError, time_of
from v2g.io.http_client import Unanswered, ask
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

BY = "prices"
HEADS = (["from", "buy_per_kwh"], ["from", "buy_per_kwh", "sell_per_kwh"])
LARGEST_BYTES = 1 << 20
WITHIN_S = 10.0
"""For a whole answer: a server that drips must not hold up the prices, nor the end of the process."""
MOST = 2_000
LARGEST = 1_000.0
"""Of a price per kWh."""
LONGEST_S = 7_200.0
"""What the last price holds for at most."""


class PriceError(V2GError):
    """There are no prices; says why. Those before it hold as long as they are valid."""


def fixed(tariff: Tariff) -> PriceRequest:
    """What holds without prices of the day."""
    return PriceRequest(by="tariff", prices=(Price(0.0, tariff.buy_per_kwh, tariff.sell_per_kwh),))


def fetched(tariff: Tariff) -> PriceRequest:
    """The prices of the day, now. Blocks: call it in a thread. Raises `PriceError`."""
    source = tariff.source
    assert source is not None
    try:
        if source.startswith(("http://", "https://")):
            answer = ask("GET", source, within_s=WITHIN_S)
            if answer.status != 200:
                raise Unanswered(f"answers with status {answer.status}; give the address that it leads to")
            content = answer.content
        else:
            content = regular_file.read(Path(source))
    except (OSError, Unanswered, ValueError) as error:
        raise PriceError(
            f"tariff.source: {source}: {error}; the prices before it hold as long as they are valid"
        ) from error
    if len(content) > LARGEST_BYTES:
        raise PriceError(f"tariff.source: {source}: longer than {LARGEST_BYTES} bytes")
    return read(content.decode("utf-8", "replace"), source, tariff)


def read(text: str, source: str, tariff: Tariff) -> PriceRequest:
    """Prices from their text. Raises `PriceError`."""
    try:
        stated = _json(text) if text.lstrip().startswith("{") else _csv(text, source)
        rows = [
            (at, buy + tariff.add_per_kwh, tariff.sell_per_kwh if sell is None else sell) for at, buy, sell in stated
        ]
        wrong = next((row for row in rows if not all(map(isfinite, row)) or max(map(abs, row[1:])) > LARGEST), None)
    except ScheduleError as error:
        raise PriceError(str(error)) from error
    except (msgspec.MsgspecError, csv.Error, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PriceError(f"{source}: no prices: {error!r}; docs/home.md has the forms") from error
    if not 2 <= len(rows) <= MOST:
        raise PriceError(f"{source}: {len(rows)} prices; at least 2 and at most {MOST}")
    if wrong is not None:
        raise PriceError(f"{source}: {wrong[1:]} is no price of a kWh")
    if any(after[0] <= before[0] for before, after in pairwise(rows)):
        raise PriceError(f"{source}: each price must be later than the one before")
    end_s = rows[-1][0] + min(rows[-1][0] - rows[-2][0], LONGEST_S)
    prices = [Price(*row) for row in rows] + [Price(end_s, tariff.buy_per_kwh, tariff.sell_per_kwh)]
    return PriceRequest(by=BY, from_unix_s=rows[0][0], until_unix_s=end_s, prices=tuple(prices))


Row = tuple[float, float, float | None]


def _csv(text: str, source: str) -> list[Row]:
    rows = [(number, row) for number, row in enumerate(csv.reader(text.splitlines()), 1) if any(map(str.strip, row))]
    head = [each.strip() for each in rows[0][1]] if rows else []
    if head not in HEADS:
        raise PriceError(f"{source}:1: the first line is {','.join(HEADS[0])} or {','.join(HEADS[1])}")
    found = list[Row]()
    for number, row in rows[1:]:
        if len(row) != len(head):
            raise PriceError(f"{source}:{number}: {len(row)} columns; the first line has {len(head)}")
        found.append((time_of(row[0].strip(), f"{source}:{number}"), float(row[1]), float(row[2]) if row[2:] else None))
    return found


def _json(text: str) -> list[Row]:
    """EUR/MWh, as both public interfaces have it."""
    document: Mapping[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    pairs: Iterable[tuple[float, float]]
    if "unix_seconds" in document:
        known = zip(document["unix_seconds"], document["price"], strict=True)
        pairs = [(at, price) for at, price in known if price is not None]
    else:
        pairs = [(each["start_timestamp"] / 1000.0, each["marketprice"]) for each in document["data"]]
    return [(float(at), float(price) / 1000.0, None) for at, price in pairs]
