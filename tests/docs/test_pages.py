"""What the pages say of commands, configuration, faults and limits is what the code has; their links lead somewhere."""

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.docs.pages import PAGES, REPOSITORY, blocks
from tools.draw_faults import with_table

from v2g.cli import parser_of
from v2g.io.configuration import load

_COMMAND = re.compile(r"^(?:\$ | {4})(v2g(?:_daemon)?) (.*?)(?: [|<>&].*)?$", re.MULTILINE)
_FILE = re.compile(r"`([\w.<>/-]+/[\w.<>-]+\.(?:py|toml|sh|jsonl))`")
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")


def commands() -> list[tuple[str, str]]:
    """Page, and command line without the word v2g, of each that the pages tell to type."""
    found = []
    for page in PAGES:
        for program, words in _COMMAND.findall(page.read_text()):
            found.append((page.name, words if program == "v2g" else f"daemon {words}"))
        for _, text in blocks(page, "sh"):
            for words in re.findall(r"^(?:\S+ -u v2g -- )?v2g (.*?)(?: [|<>&].*)?$", text, re.MULTILINE):
                found.append((page.name, words))
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_has_these_options(page: str, line: str) -> None:
    name, *words = shlex.split(line, comments=True)
    if name == "--version":
        return
    parser_of(name).parse_args(words)  # raises an error for what it does not know


def test_the_configurations_are_good(tmp_path: Path) -> None:
    texts = [text for page in PAGES for _, text in blocks(page, "yaml") if text.startswith("evses:")]
    assert texts
    for text in [*texts, (REPOSITORY / "src/v2g/deploy/config.yaml").read_text()]:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        settings, warnings = load(file)
        assert settings.evses
        assert warnings == []


def test_the_fault_table_is_that_of_the_catalogue() -> None:
    page = (REPOSITORY / "docs" / "operator.md").read_text()
    assert page == with_table(page), "run `python tools/draw_faults.py`"


def test_every_bound_on_the_power_is_on_the_page() -> None:
    sources = [*(REPOSITORY / "src" / "v2g").glob("station/**/*.py"), REPOSITORY / "src/v2g/run/station.py"]
    bounds = [name for file in sources for name in re.findall(r'Bound\("([^"]+)"', file.read_text())]
    page = (REPOSITORY / "docs" / "power.md").read_text()
    assert len(bounds) > 10
    assert [bound for bound in bounds if bound not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text()):
        file = (page.parent / unquote(target)).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in map(_anchor, headings), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    """In the repository, or in the package; a name in angle brackets stands for any file."""
    for name in _FILE.findall(page.read_text()):
        if name.startswith(("/", "http")):
            continue
        pattern = re.sub(r"<\w+>", "*", name)
        found = [*REPOSITORY.glob(pattern), *(REPOSITORY / "src" / "v2g").glob(f"**/{pattern}")]
        assert found, f"{page.name} names {name}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_of_a_table_has_the_cells_of_its_head(page: Path) -> None:
    """More are dropped when the page is shown."""
    width = 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        cells = len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line))) if line.startswith("|") else 0
        width = width or cells
        assert cells in (0, width), f"{page.name}:{number} has {cells - 1} cells, its head has {width - 1}"
        width = width if cells else 0


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, waiting = set(), [REPOSITORY / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [
            (page.parent / unquote(target)).resolve() for target, _ in _LINK.findall(page.read_text()) if target
        ]
    assert set((REPOSITORY / "docs").glob("*.md")) - reached == set()
    readme = (REPOSITORY / "README.md").read_text()
    missing = [page.name for page in (REPOSITORY / "docs").glob("*.md") if f"docs/{page.name}" not in readme]
    assert missing == []
