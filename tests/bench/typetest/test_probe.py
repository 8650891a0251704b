"""The islanding probe: its figures are those that its page states, and a computation of its own finds those that cannot
do the work."""

import re
from pathlib import Path

import pytest

from v2g.bench.typetest import bench, probe
from v2g.bench.typetest.case import Subject

PAGE = Path(__file__).parents[3] / "docs" / "grid-codes.md"
STATED = {
    r"a kick of ([\d.]+) % of its active power": ("kick", 0.01),
    r"in turn about every ([\d.]+) s": ("kick_s", 1.0),
    r"From ([\d.]+) on, the kick stays": ("follow", 1.0),
    r"after ([\d.]+) s a changed frequency counts as normal": ("washout_s", 1.0),
    r"If the feedback reaches ([\d.]+) %": ("push", 0.01),
    r"it draws ([\d.]+) % for": ("limit", 0.01),
    r"it draws [\d.]+ % for ([\d.]+) s": ("push_s", 1.0),
    r"The gain follows the delay: ([\d.]+) at once": ("gain", 1.0),
    r"at once, ([\d.]+) at [\d.]+ s": ("slow_gain", 1.0),
    r"at once, [\d.]+ at ([\d.]+) s": ("slowest_s", 1.0),
}


@pytest.mark.parametrize("code", ["ieee1547-cat1", "en50549-1"])
def test_the_table_has_what_the_page_states(code: str) -> None:
    page, figures = " ".join(PAGE.read_text("utf-8").split()), Subject(code).figures
    assert {f"islanding.probe_{key}" for key, _ in STATED.values()} | {"islanding.probe_enabled"} == {
        name for name in figures.figures if name.startswith("islanding.probe_")
    }
    for pattern, (key, unit) in STATED.items():
        found = re.search(pattern, page)
        assert found is not None, pattern
        assert figures.number(f"islanding.probe_{key}") == pytest.approx(float(found[1]) * unit), key


@pytest.mark.parametrize(
    ("setting", "wrong", "case"),
    [
        ("probe_slow_gain", 40.0, "sound-grid"),
        ("probe_kick", 0.0, "detects-in-time"),
        ("probe_slow_gain", 2.5, "detects-in-time"),
        ("probe_kick", 0.02, "sound-grid"),
        ("probe_kick_s", 1.5, "detects-in-time"),
        ("probe_follow", 0.005, "sound-grid"),
        ("probe_push", 0.25, "push"),
        ("probe_limit", 0.06, "push"),
        ("probe_limit", 0.44, "push"),
        ("probe_push_s", 0.2, "push"),
        ("probe_washout_s", 0.5, "detects-in-time"),
        ("probe_washout_s", 5.0, "sound-grid"),
    ],
)
def test_a_probe_that_cannot_do_its_work_is_found(setting: str, wrong: float, case: str) -> None:
    for subject, passes in (
        (Subject("en50549-1"), True),
        (Subject("en50549-1", settings=((f"islanding.{setting}", wrong),)), False),
    ):
        results = {each.name: bench.run(each, subject) for each in probe.cases(subject)}
        assert results[f"islanding/design/{case}"].passed is passes
