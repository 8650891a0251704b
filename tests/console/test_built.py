"""What is built belongs to the sources."""

from pathlib import Path

from tools.console_digest import digest


def test_the_page_was_built_from_these_sources(repository: Path) -> None:
    built = (repository / "src/v2g/console/built/sources.sha256").read_text().strip()
    assert built == digest(), "run `make console`"
