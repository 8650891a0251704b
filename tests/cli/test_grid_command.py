"""`v2g grid test` as a user types it: the table, the report, JSON, exit codes."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from v2g.bench.typetest import report, suite
from v2g.bench.typetest.case import Subject
from v2g.bench.typetest.check import Finding
from v2g.cli import main
from v2g.grid import settings

ONE = ("grid", "test", "--code", "ieee1547-cat3", "--only", "measurement/silent/*")


class Page(HTMLParser):
    """What a page has and what it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.references: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        if named.get("id"):
            self.ids.add(str(named["id"]))
        self.references += [str(named[name]) for name in ("href", "src") if name in named]


def test_the_table_tells_case_source_permitted_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ONE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("passed  measurement/silent/discharging")
    assert "trip after 0.320 to 0.410 s" in lines[1]
    assert "measured open after 0." in lines[1]
    assert lines[-1].startswith("2 cases of IEEE 1547-2018 category III (UL 1741 SB), category B, 60 Hz, 3 phases in ")
    assert lines[-1].endswith(": none failed")


def test_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ONE, "--category", "a", "--phases", "1", "--nominal", "50", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["title"] == "IEEE 1547-2018 category III (UL 1741 SB), category A, 50 Hz, 1 phase"
    assert document["failed"] == 0
    assert [case["name"] for case in document["cases"]] == [
        "measurement/silent/discharging",
        "measurement/silent/charging",
    ]
    assert document["cases"][0]["findings"][0]["passed"] is True
    assert document["cases"][0]["applied"] == "nothing"


def test_the_report_stands_alone_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    words = ["grid", "test", "--code", "vde-4105", "--only", "trip/[ou]v[12]/beyond-l1/*", "--report", str(file)]
    assert main(words) == 0
    page = Page(file.read_text())
    assert re.search(r"<td>V [01]\.\d{3} pu on L1</td>", file.read_text())
    assert page.tags.count("svg") == 4
    assert page.references
    assert {reference.removeprefix("#") for reference in page.references} <= page.ids


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--code", "nosuch"], "there is no grid code 'nosuch'; there are "),
        (["--code", "vde-4105", "--category", "a"], "there is no variant (category) 'a'; there are small"),
        (["--only", "trip"], "name a grid code with --code, or a station's configuration with --config"),
        (["--code", "vde-4105", "--set", "trip"], "trip: give NAME=VALUE, such as trip.uv1.delay_s=25"),
        (["--code", "vde-4105", "--set", "trip.uv1.delay_s=long"], "trip.uv1.delay_s: 'long' is not a number"),
        (["--code", "./nosuch.toml"], "nosuch.toml: "),
        (["--code", "vde-4105", "--only", "nosuch"], "no case is called 'nosuch'"),
        (["--code", "vde-4105", "--only", "measurement", "--report", "/nonexistent/r.html"], "/nonexistent/r.html"),
    ],
)
def test_bad_input_is_explained(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grid", "test", *words]) == 2
    assert text in capsys.readouterr().err


STATION = """
evses:
  - services: [DC_BPT]
    access: {grant: everyone, discharge: true}
    inverter: {address: "modbus://127.0.0.1"}
    isolation: {address: "modbus://127.0.0.1"}
    contactor: {address: "modbus://127.0.0.1"}
    meter: {address: "modbus://127.0.0.1"}
    grid: {address: "modbus://127.0.0.1"}
    nominal_hz: 50
    grid_code: {name: ieee1547-cat3, category: b, phases: 1, settings: {trip.uv1.delay_s: 25}}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> str:
    file = tmp_path / "config.yaml"
    file.write_text(STATION)
    return str(file)


def test_the_settings_that_a_station_runs_with_are_tested(
    configuration: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cases follow them: what is tested is 25 s, not the code's default."""
    only = ("--only", "trip/uv1/beyond/discharging")
    assert main(["grid", "test", "--config", configuration, *only, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["title"].endswith("category B, 50 Hz, 1 phase, settings changed: 1")
    assert document["settings"] == {"trip.uv1.delay_s": 25}
    assert any("25." in finding["permitted"] for case in document["cases"] for finding in case["findings"])
    assert main(["grid", "test", "--code", "ieee1547-cat3", "--set", "trip.uv1.delay_s=30", *only]) == 0
    assert "trip after 29.90 to 30.0" in capsys.readouterr().out


def test_the_settings_of_a_station_are_listed_with_what_differs(
    configuration: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grid", "codes", "--config", configuration, "--set", "volt_var.enabled=true"]) == 2
    assert "volt_var.enabled: there is no such setting" in capsys.readouterr().err
    assert main(["grid", "codes", "--config", configuration]) == 0
    title, heads, *lines = capsys.readouterr().out.splitlines()
    assert title.endswith("50 Hz, category B")
    assert heads.split() == ["setting", "value", "permitted", "source"]
    (changed,) = (line for line in lines if line.startswith("* trip"))
    assert changed.split()[:6] == ["*", "trip.uv1.delay_s", "25", "2", "to", "50"]
    assert main(["grid", "codes", "--config", configuration, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in document["settings"] if each["changed"]] == ["trip.uv1.delay_s"]


def test_a_code_may_be_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "county.toml"
    file.write_text('title = "Rules of the county"\nextends = "vde-4105"\n')
    assert main(["grid", "codes", str(file)]) == 0
    assert capsys.readouterr().out.startswith("Rules of the county, 50 Hz\n")
    assert main(["grid", "test", "--code", str(file), "--only", "measurement/silent/*"]) == 0
    assert "2 cases of Rules of the county" in capsys.readouterr().out
    file.write_text(f'extends = "{file}"\n')
    settings.read.cache_clear()
    settings.load.cache_clear()
    assert main(["grid", "codes", str(file)]) == 2
    assert "extends itself" in capsys.readouterr().err


def test_a_report_shows_failed_cases_first_and_open(tmp_path: Path) -> None:
    subject = Subject("ieee1547-cat3", settings=(("trip.uv1.delay_s", 25.0),))
    names = suite.selected(subject, "measurement/silent/*")
    good, other = suite.run(subject, names)
    bad = replace(other, findings=(replace_passed(other.findings[0]),))
    report.write(tmp_path / "report.html", subject, [good, bad], 1.0)
    text = (tmp_path / "report.html").read_text()
    assert text.index(f"<details open><summary>{bad.name}") < text.index(f"<details><summary>{good.name}")
    assert "<td>trip.uv1.delay_s</td><td><b>25</b></td><td>21</td><td>2 to 50</td>" in text


def replace_passed(finding: Finding) -> Finding:
    return finding._replace(passed=False)
