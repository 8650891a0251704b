"""Every requirement that is cited is known, and of every known one the page says where it is kept, or why not."""

from pathlib import Path

from tools.draw_conformance import DATA, NUMBER, REASONS, UNTESTED, citations, functions_of, page, requirements


def test_the_page_is_that_of_the_sources(repository: Path) -> None:
    written = (repository / "docs" / "conformance.md").read_text()
    assert written == page(), "run `python tools/draw_conformance.py`"


def test_every_number_that_is_cited_is_known() -> None:
    known = {each.number for each in requirements()}
    assert citations("src", "tests", "docs", "tools", "benchmarks", "fuzz") - known == set()


def test_the_data_is_in_order() -> None:
    rows = [line.split("\t") for line in DATA.read_text().splitlines()]
    assert rows[0] == ["number", "meaning", "where", "note"]
    numbers = [row[0] for row in rows[1:]]
    assert len(set(numbers)) == len(numbers) >= 530
    for number, meaning, where, _note in rows[1:]:
        assert NUMBER.fullmatch(number)
        assert meaning.endswith("."), number
        assert not any(each in meaning for each in ("EVCC ", "SECC", " shall ")) or "EVCC id" in meaning, number
        for place in where.split():
            assert place.startswith("src/") or (place.startswith("tests/") and "::test_" in place), number


def test_the_files_that_it_names_are_there(repository: Path) -> None:
    named = {place for each in requirements() for place in each.places}
    assert [place for place in sorted(named) if not (repository / place).is_file()] == []


def test_the_tests_that_it_names_are_there(repository: Path) -> None:
    named = {test for each in requirements() for test in each.shown}
    files = {file: functions_of(repository / file) for file in {test.partition("::")[0] for test in named}}
    missing = [test for test in sorted(named) if test.partition("::")[2] not in files[test.partition("::")[0]]]
    assert missing == []


def test_what_is_kept_is_shown_and_what_is_not_says_why() -> None:
    for each in requirements():
        if each.kept:
            assert each.places, f"{each.number} is kept nowhere"
            assert each.shown or each.note.startswith(UNTESTED), f"{each.number}: no test shows it"
        assert not (each.shown and each.note.startswith(UNTESTED)), f"{each.number} has a test"


def test_no_reason_is_given_for_nothing() -> None:
    assert set(REASONS) == {each.note for each in requirements()} & set(REASONS)
