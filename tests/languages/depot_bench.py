"""A depot that serves one of the grid's languages at an address."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.csms.test_api import depot
from tests.languages.test_openadr import until

from v2g.run.depot import DepotProcess


@asynccontextmanager
async def served(
    folder: Path, serve: Callable[..., Any], settings: Any
) -> AsyncIterator[tuple[DepotProcess, int, list[str]]]:
    """The depot, the port, and what is reported. `serve`: of the language's adapter."""
    async with depot(folder) as (site, _, _):
        said = list[str]()
        serving = asyncio.create_task(serve(site, site.configuration, settings, said.append))
        try:
            line = await until(lambda: next((each for each in said if re.search("connects? at", each)), ""))
            yield site, int(re.findall(r":(\d+)$", line)[0]), said
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
