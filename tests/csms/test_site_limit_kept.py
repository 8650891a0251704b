"""A site in the place of one that was killed knows what a program had limited, and which cars are slow."""

import asyncio
from pathlib import Path

from tests.csms.test_site_with_station import CONFIGURATION
from tests.run.test_back_end import PASSWORD

from v2g.depot.site.grid_limit import FAIL_SAFE_W, Limit
from v2g.depot.site.pace import Pace
from v2g.io.site_configuration import load
from v2g.run.depot import open_ledger
from v2g.run.site import SiteProcess


def test_a_limit_of_a_program_holds_over_a_restart(tmp_path: Path) -> None:
    asyncio.run(_held(tmp_path))


async def _held(folder: Path) -> None:
    (folder / "password").write_text(PASSWORD)
    (folder / "site.yaml").write_text(CONFIGURATION + "control_box: {remote: true}\n")
    settings, *_ = load(folder / "site.yaml")
    before = SiteProcess(settings, await open_ledger(settings.ledger), print)
    before.limited(Limit(charge_w=3_000.0, for_s=900.0))
    await before.ledger.close()
    after = SiteProcess(settings, await open_ledger(settings.ledger), print)
    assert after.limits()["charge_w"] == FAIL_SAFE_W  # until its program is heard
    after.heartbeat()
    assert after.limits()["charge_w"] == 3_000.0
    await after.ledger.close()


def test_which_cars_are_slow_is_known_after_a_restart(tmp_path: Path) -> None:
    asyncio.run(_known(tmp_path))


async def _known(folder: Path) -> None:
    (folder / "password").write_text(PASSWORD)
    (folder / "site.yaml").write_text(CONFIGURATION)
    settings, *_ = load(folder / "site.yaml")
    slow = {"CS1/1": Pace(vehicle="our car", w_s=0.0)}
    before = SiteProcess(settings, await open_ledger(settings.ledger), print)
    before.control.paces.recall(slow)
    before.step()
    await before.ledger.close()
    after = SiteProcess(settings, await open_ledger(settings.ledger), print)
    assert after.control.paces.known({}) == slow
    await after.ledger.close()
