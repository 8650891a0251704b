"""A language whose library fails ends neither its depot nor another language."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from tests.csms.test_api import depot

from v2g.depot.desk import Channel
from v2g.depot.request import Limit, LimitRequest, PowerRequest
from v2g.kernel.errors import V2GError
from v2g.run import grid_languages
from v2g.run.grid_languages import spoken


def test_a_defect_of_a_language_ends_its_set_points_and_it_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, said = asyncio.Event(), list[str]()

    async def serve(site: Any, configuration: Any, settings: Any, report: Any) -> NoReturn:
        if said:
            again.set()
            raise V2GError("its file is wrong")
        now = site.now()
        site.put(Channel.OPENADR, PowerRequest(by="VTN", power_w=5.0, until_unix_s=now + 600.0))
        site.put(Channel.OPENADR, LimitRequest(by="VTN, limit", steps=(Limit(now, 1_000.0),)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(failing())
        raise AssertionError

    async def failing() -> None:
        raise ZeroDivisionError("of the library")

    async def story() -> None:
        async with depot(tmp_path) as (site, _, _):
            silent = {key: None for key, _ in grid_languages.LANGUAGES.values()}
            settings: Any = SimpleNamespace(**silent | {"openadr": 1})
            with pytest.raises(V2GError, match="its file is wrong"):
                await asyncio.gather(*spoken(site, settings, said.append))
            assert again.is_set()
            assert [each.by for each in site.desk.of(Channel.OPENADR)] == ["VTN, limit"]
            assert said == ["openadr: a defect: ZeroDivisionError('of the library'); its set-points end, and it starts "
                            "again in 0 s"]  # fmt: skip

    monkeypatch.setattr(grid_languages, "AGAIN_S", 0.0)
    monkeypatch.setattr("v2g.io.openadr_depot.serve", serve)
    asyncio.run(story())
