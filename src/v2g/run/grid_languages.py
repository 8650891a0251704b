"""Which of the grid's languages a depot speaks, by its configuration: an adapter for each."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from importlib import import_module
from typing import Any

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.request import LimitRequest, PriceRequest
from v2g.io.grid_depot import Depot
from v2g.kernel.errors import V2GError, innermost

LANGUAGES = {
    Channel.SUNSPEC: ("sunspec", "v2g.io.sunspec_depot"),
    Channel.OPENADR: ("openadr", "v2g.io.openadr_depot"),
    Channel.DNP3: ("dnp3", "v2g.io.dnp3_depot"),
    Channel.IEEE_2030_5: ("csip", "v2g.io.csip_depot"),
    Channel.IEC_104: ("iec104", "v2g.io.iec104_depot"),
}
"""Key of the configuration and adapter, whose `serve` lasts until it is cancelled. An adapter is imported only if its
key is there: its library may not be."""
AGAIN_S = 10.0
"""Until a language that has failed is started again."""


def spoken(
    depot: Depot, configuration: Configuration, report: Callable[[str], None]
) -> Iterator[Coroutine[Any, Any, None]]:
    """What serves each language. What one has asked for that is not spoken any more is over. Raises `V2GError` for a
    library that is missing."""
    for channel, (key, adapter) in LANGUAGES.items():
        settings = getattr(configuration, key)
        if settings is None:
            for each in depot.desk.of(channel):
                depot.withdraw(each.by, channel)
            continue
        try:
            serve = import_module(adapter).serve
        except ImportError as error:
            raise V2GError(f"{key}: needs a Python package ({error}); pip install 'v2g[{key}]'") from error
        yield _kept(channel, key, partial(serve, depot, configuration, settings, report), depot, report)


async def _kept(
    channel: Channel,
    key: str,
    serve: Callable[[], Coroutine[Any, Any, None]],
    depot: Depot,
    report: Callable[[str], None],
) -> None:
    """A defect of one language, or of its library, ends neither the depot nor another language: its set-points end, and
    it is started again. Raises `V2GError` for what a person has to change."""
    while True:
        try:
            return await serve()
        except Exception as group:
            if isinstance(error := innermost(group), V2GError):
                raise
            report(f"{key}: a defect: {error!r}; its set-points end, and it starts again in {AGAIN_S:g} s")
        for each in depot.desk.of(channel):
            if not isinstance(each, LimitRequest | PriceRequest):
                depot.withdraw(each.by, channel)
        await asyncio.sleep(AGAIN_S)
