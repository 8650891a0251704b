"""Which of the grid's languages a depot speaks, by its configuration: an adapter for each."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from v2g.depot.configuration import Configuration
from v2g.io import sunspec_depot
from v2g.io.sunspec_depot import Depot


def spoken(
    depot: Depot, configuration: Configuration, report: Callable[[str], None]
) -> Iterator[Coroutine[Any, Any, None]]:
    """What serves each language, until it is cancelled."""
    if configuration.sunspec is not None:
        yield sunspec_depot.serve(depot, configuration, configuration.sunspec, report)
