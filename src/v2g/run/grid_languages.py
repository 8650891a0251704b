"""Which of the grid's languages a depot speaks, by its configuration: an adapter for each."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.io import openadr_depot, sunspec_depot
from v2g.io.grid_depot import Depot


def spoken(
    depot: Depot, configuration: Configuration, report: Callable[[str], None]
) -> Iterator[Coroutine[Any, Any, None]]:
    """What serves each language, until it is cancelled. What one has asked for that is not spoken any more is over."""
    languages: dict[Channel, tuple[Any, Callable[..., Coroutine[Any, Any, None]]]] = {
        Channel.SUNSPEC: (configuration.sunspec, sunspec_depot.serve),
        Channel.OPENADR: (configuration.openadr, openadr_depot.serve),
    }
    for channel, (settings, serve) in languages.items():
        if settings is not None:
            yield serve(depot, configuration, settings, report)
            continue
        for each in depot.desk.of(channel):
            depot.withdraw(each.by, channel)
