"""`make demo-site`, without waiting for it."""

from pathlib import Path

from v2g.bench.depot.home_demo import perform
from v2g.bench.depot.home_report import cost, good, table, write


def test_a_day_of_a_house_is_cheaper_than_charging_at_once(tmp_path: Path) -> None:
    lines: list[str] = []
    done = perform(0.0, lines.append, lambda: 0.0, lambda seconds: None)
    assert good(done)
    assert len(lines) == 25
    assert cost(done.site) < 0.9 * cost(done.at_once)
    assert done.site.used_pu > done.at_once.used_pu
    assert "missing at departure" in table(done)
    report = write(tmp_path / "home.html", done).read_text()
    assert report.count("<svg") == 2
    assert "src=" not in report
