"""Words that a native engineer would not use, on the pages and in what the software says of itself."""

import re

from tests.docs.pages import PAGES, REPOSITORY

_WORDS = re.compile(r"\b(told|anew|whom|the own|so many|so often)\b", re.IGNORECASE)
"""A station reports, logs or warns; it does so again; it is the station's MAC; a number is at most 3."""


def test_the_pages_and_the_sources_have_plain_words() -> None:
    files = [
        *PAGES,
        REPOSITORY / "CHANGELOG.md",
        *(REPOSITORY / "src/v2g/deploy").iterdir(),
        *(each for kind in ("py", "yaml", "toml") for each in (REPOSITORY / "src" / "v2g").rglob(f"*.{kind}")),
    ]
    found = [
        f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if _WORDS.search(line)
    ]
    assert found == []
