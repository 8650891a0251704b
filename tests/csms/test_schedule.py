"""A schedule of requests in a CSV file."""

from pathlib import Path

import pytest

from v2g.depot.request import asked
from v2g.io.depot_schedule import ScheduleError, ScheduleFile, read

GOOD = """from,power_w
2026-11-28T17:00:00+01:00,-50000
2026-11-28T17:00:10Z,0

1795886400,
"""
BEGINS_S = 1_795_881_600.0


def test_each_power_holds_from_its_time_on() -> None:
    request = read(GOOD, "requests.csv")
    for at_s, power_w in ((-1.0, None), (0.0, -50_000.0), (3_609.0, -50_000.0), (3_610.0, 0.0), (4_801.0, None)):
        assert asked([request], BEGINS_S + at_s, None).power_w == power_w, at_s


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "requests.csv:1: the first line is from,power_w"),
        ("time,power\n1,2\n3,\n", "requests.csv:1: the first line"),
        ("from,power_w\n1,2\n", "1 rows"),
        ("from,power_w\n1,2,3\n3,\n", "requests.csv:2: 3 columns"),
        ("from,power_w\nnoon,2\n3,\n", "'noon' is no time"),
        ("from,power_w\n2026-11-28T17:00,2\n3,\n", "has no time zone"),
        ("from,power_w\n1,much\n3,\n", "'much' is no power"),
        ("from,power_w\n1,inf\n3,\n", "at most"),
        ("from,power_w\n1,nan\n3,\n", "at most"),
        ("from,power_w\n3,1\n1,\n", "requests.csv:3: not later"),
        ("from,power_w\n1,1\n2,2\n", "the last row, and no other"),
        ("from,power_w\n1,\n2,2\n3,\n", "the last row, and no other"),
    ],
)
def test_what_is_no_schedule_has_its_line_and_a_remedy(text: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason):
        read(text, "requests.csv")


def test_a_file_is_read_again_when_it_changes_and_complained_of_once(tmp_path: Path) -> None:
    file = tmp_path / "requests.csv"
    looked = ScheduleFile(file)
    with pytest.raises(ScheduleError, match="the schedule before it holds"):
        looked.news()
    assert looked.news() is None
    file.write_text(GOOD)
    assert looked.news() is not None
    assert looked.news() is None
    file.write_text("from,power_w\n1,\n")
    with pytest.raises(ScheduleError):
        looked.news()
    assert looked.news() is None
    file.write_text(GOOD + "\n")
    assert looked.news() is not None
