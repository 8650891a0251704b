"""The digest of the page's sources: `python tools/console_digest.py`."""

from hashlib import sha256
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "console"


def digest() -> str:
    """Of all sources, with their names."""
    pages = ["driver.html", "home.html", "index.html"]
    named = [*pages, "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts"]
    files = [SOURCES / name for name in named] + sorted((SOURCES / "src").iterdir())
    found = sha256()
    for file in files:
        found.update(f"{file.relative_to(SOURCES)}\n".encode() + file.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    print(digest())
