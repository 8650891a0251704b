"""The site (`make docs`) leads to each page once. `make proof ARGS=site` builds it, and sees that it loads nothing."""

import re
from collections import Counter

import pytest
from tests.docs.pages import REPOSITORY
from tools.docs_hooks import indented

BESIDE = {"project.md", "changelog.md", "security-policy.md", "modules.md"}
"""Pages that the site makes of files beside `docs/`, and of the sources."""


def test_the_navigation_has_every_page_once() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    named = Counter(re.findall(r"[\w/-]+\.md", navigation))
    pages = {each.relative_to(REPOSITORY / "docs").as_posix() for each in (REPOSITORY / "docs").rglob("*.md")}
    assert set(named) == pages | BESIDE
    assert max(named.values()) == 1


@pytest.mark.parametrize(
    ("page", "site"),
    [
        ("text\n- a\n- b", "text\n\n- a\n- b"),
        ("1. a\n   b\n\n   ```sh\n   c\n   ```\n\nd", "1. a\n    b\n\n    ```sh\n    c\n    ```\n\nd"),
        ("- a\n  - b\n    c\n- d", "- a\n    - b\n        c\n- d"),
        ("1. a\n\n   b\n2. c", "1. a\n\n    b\n\n2. c"),
        ("```\n- no list\n  at all\n```", "```\n- no list\n  at all\n```"),
        ("- a\ngoes on\n\n# head", "- a\n    goes on\n\n# head"),
    ],
)
def test_a_list_means_the_same_on_the_site(page: str, site: str) -> None:
    assert "\n".join(indented(page.split("\n"))) == site
