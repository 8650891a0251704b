"""`make demo-site`, without waiting for it."""

from pathlib import Path

import pytest

from v2g.bench.depot.home_demo import STAY, perform
from v2g.bench.depot.home_report import cost, good, table, write


def test_a_day_of_a_house_is_cheaper_than_charging_at_once(tmp_path: Path) -> None:
    lines: list[str] = []
    done = perform(0.0, lines.append, lambda: 0.0, lambda seconds: None)
    assert good(done)
    assert len(lines) == 26
    assert cost(done.site) < 0.9 * cost(done.at_once)
    assert done.site.used_pu > done.at_once.used_pu
    for each in done.site.samples:
        assert each.grid_w == pytest.approx(each.house_w - each.sun_w + each.car_w, abs=1.0), each.time_s
    for day in (done.site, done.at_once):
        money = day.money
        into_wh = money.drawn_wh + day.sun_wh + money.worn_wh
        assert into_wh == pytest.approx(day.house_wh + money.charged_wh + money.fed_wh, abs=50.0)
        battery_wh = STAY.soc_pu * STAY.capacity_wh + 0.95 * money.charged_wh - money.worn_wh / 0.95
        assert day.left_wh == pytest.approx(battery_wh, abs=100.0)
    assert "missing at departure" in table(done)
    report = write(tmp_path / "home.html", done).read_text()
    assert report.count("<svg") == 2
    assert "src=" not in report
