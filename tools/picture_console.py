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

from v2g.console.codes import read_codes

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
            _take_driver(browser, Path(folder), url)
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


def _take_driver(browser: Browser, folder: Path, url: str) -> None:
    """What a driver sees who has just stated a departure."""
    code = read_codes(folder / "depot" / "codes")["CS-02/1"]
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="light")
    page = context.new_page()
    page.goto(f"{url}/e/{code}")
    page.get_by_label("Departure").fill("17:30")
    page.get_by_label("Charged by then").fill("80")
    page.get_by_label("Never fed below, %").fill("40")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Done:").wait_for()
    page.screenshot(path=DOCS / "driver-phone.png", full_page=True)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
