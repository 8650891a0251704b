"""The pages of the documentation, taken apart for the tests."""

import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks in a language, each with the number of its first line, without the indentation of a list."""
    text = page.read_text()
    for block in _BLOCK.finditer(text):
        indent, named, body = block.groups()
        if named == language:
            line = text.count("\n", 0, block.start()) + 2
            yield line, "".join(each.removeprefix(indent) for each in body.splitlines(keepends=True))
