"""A house's fuse with site, station and meter as processes of their own, and a car that does not follow."""

import asyncio
from pathlib import Path

import pytest
from tests.csms.late_house import charging

pytestmark = pytest.mark.alone


def test_a_deaf_car_exceeds_the_fuse_for_less_than_a_second(tmp_path: Path) -> None:
    asyncio.run(_exceeds(tmp_path))


async def _exceeds(folder: Path) -> None:
    async with charging(folder) as (house, site, station):
        await house.until(lambda: house.closed)
        house.house_w = (3_500.0, 300.0, 300.0)
        assert house.over
        await house.until(lambda: len(house.over_s) == 1)
        assert house.over_s[0] < 1.0, site.output + station.output  # as docs/home.md states
