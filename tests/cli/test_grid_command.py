"""`v2g grid test` as a user types it: the table, the report, JSON, exit codes."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from v2g.cli import main

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
    assert "trip within 0.500 s" in lines[1]
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


def test_the_report_stands_alone_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    words = ["grid", "test", "--code", "vde-4105", "--only", "*/beyond-l1/*", "--report", str(file)]
    assert main(words) == 0
    page = Page(file.read_text())
    assert page.tags.count("svg") > 5
    assert page.references
    assert {reference.removeprefix("#") for reference in page.references} <= page.ids


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--code", "nosuch"], "there is no grid code 'nosuch'; there are en50549-1"),
        (["--code", "vde-4105", "--category", "a"], "there is no variant 'a'"),
        (["--code", "vde-4105", "--only", "nosuch"], "no case is called 'nosuch'"),
        (["--code", "vde-4105", "--only", "measurement", "--report", "/nonexistent/r.html"], "/nonexistent/r.html"),
    ],
)
def test_bad_input_is_explained(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grid", "test", *words]) == 2
    assert text in capsys.readouterr().err
