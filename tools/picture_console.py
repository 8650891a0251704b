"""Takes the pictures of the operator's page in docs/: `python tools/picture_console.py`. Needs Chromium, a minute.

What they show is `v2g depot demo`, a while after its vehicles have come.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent.parent / "docs"
SETTLES_MS = 40_000
"""From the first number on the page until the signal is followed."""


def main() -> int:
    """Returns 1 without Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no chromium (Debian package chromium)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "v2g", "depot", "demo", "--output", folder, "--seconds", "120"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo, sync_playwright() as driver:
            assert demo.stdout is not None
            url = next(found[0] for line in demo.stdout if (found := re.search(r"http://[\d.:]+", line)))
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            _take(browser, url, "light", (1280, 1000), "console.png", wait_ms=SETTLES_MS)
            _take(browser, url, "dark", (390, 844), "console-phone.png", wait_ms=3000)
            browser.close()
            demo.terminate()
    return 0


def _take(browser: Browser, url: str, scheme: str, size: tuple[int, int], name: str, wait_ms: float) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(url)
    page.locator("#delivered", has_text="kW").wait_for()
    page.wait_for_timeout(wait_ms)
    page.screenshot(path=DOCS / name)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
