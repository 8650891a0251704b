"""The site (`make docs`) leads to each page once. `make proof ARGS=site` builds it, and sees that it loads nothing."""

import re
from collections import Counter

from tests.docs.pages import REPOSITORY

BESIDE = {"project.md", "changelog.md", "security-policy.md", "modules.md"}
"""Pages that the site makes of files beside `docs/`, and of the sources."""


def test_the_navigation_has_every_page_once() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    named = Counter(re.findall(r"[\w/-]+\.md", navigation))
    pages = {each.relative_to(REPOSITORY / "docs").as_posix() for each in (REPOSITORY / "docs").rglob("*.md")}
    assert set(named) == pages | BESIDE
    assert max(named.values()) == 1
