"""A depot as a client of IEEE 2030.5 (CSIP), at a server in a process of its own with documents of another project."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from py20305.security import compute_lfdi
from tests.certificates import certified
from tests.csms.test_api import depot
from tests.interop.process import Process
from tests.languages.test_openadr import STARTS_S, until

from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Csip
from v2g.depot.request import Limit, LimitRequest, PowerRequest
from v2g.io import csip_depot
from v2g.languages.csip import controls
from v2g.languages.csip.controls import Controls, Event
from v2g.languages.plant import Ratings
from v2g.run.depot import DepotProcess

BY = "IEEE 2030.5 server 127.0.0.1"
NOW = 1_800_000_000.0


class Utility:
    """The server, as the test controls it."""

    def __init__(self, process: Process, line: str) -> None:
        self.process, (self.url, self.clear) = process, line.split()

    def put(self, what: str, **document: Any) -> None:
        urlopen(Request(f"{self.clear}/{what}", json.dumps(document).encode(), method="PUT"), timeout=5).close()

    def seen(self, what: str) -> list[str]:
        with urlopen(f"{self.clear}/seen", timeout=5) as answer:
            return [text for asked, text in json.load(answer) if asked == what]


@asynccontextmanager
async def followed(folder: Path) -> AsyncIterator[tuple[DepotProcess, Utility, list[str]]]:
    certified(folder)
    files = folder / "root.pem", folder / "key.pem"
    lfdi = compute_lfdi(files[0].read_text())
    with Process([sys.executable, "-m", "tests.languages.csip_server", str(folder), lfdi]) as process:
        line = await asyncio.to_thread(process.wait_for, "https://", STARTS_S)
        assert line is not None, process.output
        utility, said = Utility(process, line), list[str]()
        settings = Csip(url=utility.url, certificate=files[0], private_key=files[1], roots=files[0], silence_s=3)
        async with depot(folder) as (site, _, _):
            serving = asyncio.create_task(csip_depot.serve(site, site.configuration, settings, said.append))
            try:
                yield site, utility, said
            finally:
                serving.cancel()
                with suppress(asyncio.CancelledError):
                    await serving


def asked(site: DepotProcess) -> tuple[list[float], list[Limit]]:
    """The powers, and the limits, that hold now."""
    found, now = site.desk.of(Channel.IEEE_2030_5), site.now()
    powers = [each.at(now, None) for each in found if isinstance(each, PowerRequest) and each.until_unix_s > now]
    limits = [Limit(0.0, *each.limits_at(now)) for each in found if isinstance(each, LimitRequest)]
    return [each for each in powers if each is not None], limits


def test_controls_move_the_depot_until_they_end(tmp_path: Path) -> None:
    asyncio.run(_moved(tmp_path))


async def _moved(folder: Path) -> None:
    async with followed(folder) as (site, utility, said):
        utility.put("default", opModExpLimW=9_000)
        utility.put("control", mrid="0a", for_s=4, modes={"opModTargetW": 4_000, "opModMaxLimW": 2_000})
        utility.put("control", mrid="0b", for_s=600, modes={"opModImpLimW": 5_000})
        await until(lambda: asked(site) == ([-4_000.0], [Limit(0.0, 5_000.0, 6_000.0)]))  # 20 % of 30 kW
        site.step()
        assert site.status()["requested_by"] == f"{BY}, set-point"
        await until(lambda: asked(site) == ([], [Limit(0.0, 5_000.0, 9_000.0)]))  # the default is back
        await until(lambda: {"1", "2", "3"} <= set(utility.seen("POST /rsp")))  # received, started, completed
        assert any("LFDI" in each for each in said)
        await until(lambda: utility.seen("POST /mup"))
        for what in ("dercap", "derg", "ders"):
            assert utility.seen(f"PUT /edev/1/der/1/{what}"), utility.seen(f"refused /edev/1/der/1/{what}")
        utility.process.child.kill()
        await until(lambda: asked(site) == ([], [Limit(0.0, inf, 9_000.0)]))  # silent: the default holds


@pytest.mark.proof
def test_a_server_that_answers_nonsense_is_silent_and_is_followed_again(tmp_path: Path) -> None:
    asyncio.run(_confused(tmp_path))


async def _confused(folder: Path) -> None:
    async with followed(folder) as (site, utility, _):
        utility.put("default", opModExpLimW=9_000)
        utility.put("control", mrid="0a", for_s=10, modes={"opModTargetW": 4_000})
        await until(lambda: asked(site)[0] == [-4_000.0])
        ends_s = time.time() + 10.0
        utility.put("noise", on=True)
        await until(lambda: asked(site) == ([], [Limit(0.0, inf, 9_000.0)]))
        assert time.time() < ends_s - 2.0  # it is given up, not over
        utility.put("noise", on=False)
        await until(lambda: time.time() > ends_s + 1.0)  # what begins while it would hold is given up with it
        utility.put("control", mrid="0b", for_s=600, modes={"opModImpLimW": 5_000})
        await until(lambda: asked(site) == ([], [Limit(0.0, 5_000.0, 9_000.0)]))


def event(until_s: float, **values: float) -> Event:
    return Event(values, NOW + until_s)


def test_limits_of_several_modes_hold_beside_each_other_as_events_end() -> None:
    made = Controls(Ratings(charge_w=20_000.0, discharge_w=10_000.0))
    made.default = {controls.IMPORT: 15_000.0}
    made.start("a", event(60.0, opModMaxLimW=50.0, opModLoadLimW=18_000.0))
    made.start("b", event(30.0, opModExpLimW=2_000.0))
    assert made.limits(NOW) == (
        Limit(NOW, 15_000.0, 2_000.0), Limit(NOW + 30.0, 15_000.0, 5_000.0), Limit(NOW + 60.0, 15_000.0, None),
    )  # fmt: skip
    made.start("c", event(90.0, opModConnect=0.0))
    assert made.limits(NOW)[0] == Limit(NOW, 0.0, 0.0)
    assert made.limits(NOW)[-1] == Limit(NOW + 90.0, 15_000.0, None)


@pytest.mark.parametrize(
    ("values", "power_w"),
    [
        ({controls.TARGET: 3_000.0}, -3_000.0),
        ({controls.TARGET: 30_000.0}, -10_000.0),
        ({controls.TARGET: -90_000.0}, 20_000.0),
        ({controls.FIXED: 10.0}, -1_000.0),
        ({controls.FIXED: -10.0}, 2_000.0),
    ],
)
def test_what_is_generated_is_positive_there_and_negative_here(values: dict[str, float], power_w: float) -> None:
    made = Controls(Ratings(charge_w=20_000.0, discharge_w=10_000.0))
    made.start("a", event(60.0, **values))
    assert made.power(NOW) == (power_w, NOW + 60.0, None)


def test_an_event_that_is_superseded_does_not_come_back() -> None:
    made = Controls(Ratings(charge_w=20_000.0, discharge_w=10_000.0))
    made.start("long", event(600.0, opModTargetW=1_000.0))
    made.start("short", event(60.0, opModTargetW=2_000.0))
    made.end("short", NOW)
    assert made.power(NOW) is None
