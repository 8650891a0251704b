"""Takes the pictures of the pages in docs/: `python -m tools.picture_console [home|depot|fleet]`. Needs Chromium, four
minutes.

The operator's show `v2g depot demo`, a while after its vehicles have come; those of the fleet `v2g fleet demo` while
the frequency is low; those of the home page the house of its tests.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from tests.console.served import ServedHome, signed_in

from v2g.console.access import Role
from v2g.console.codes import read_codes

DOCS = Path(__file__).parent.parent / "docs"
SETTLES_MS = 40_000
"""From the first number on the page until the signal is followed."""
FALLEN_MS = 50_000
"""Until the frequency of the fleet's demonstration has fallen."""


def main() -> int:
    """Returns 1 without Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no chromium (Debian package chromium)", file=sys.stderr)
        return 1
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, take in {"home": _take_home, "depot": _take_depot, "fleet": _take_fleet}.items():
            if not sys.argv[1:] or name in sys.argv[1:]:
                take(browser)
        browser.close()
    return 0


@contextmanager
def _demo(kind: str) -> Iterator[tuple[Path, str]]:
    """A demonstration that runs: its folder, and where its page is."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "v2g", kind, "demo", "--output", folder, "--seconds", "120"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
            assert demo.stdout is not None
            yield Path(folder), next(found[0] for line in demo.stdout if (found := re.search(r"http://[\d.:]+", line)))
            demo.send_signal(signal.SIGINT)


def _take_fleet(browser: Browser) -> None:
    """On a desk its first screen, on a phone all of it, and a depot of it."""
    with _demo("fleet") as (_, url):
        _take(browser, url, "light", (1440, 1000), "fleet.png", wait_ms=FALLEN_MS)
        _take(browser, url, "dark", (390, 844), "fleet-phone.png", wait_ms=3000)
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="light")
        page.goto(url)
        page.get_by_role("link", name="depot-04").click()
        page.get_by_role("heading", name="Depot depot-04").wait_for()
        page.get_by_text("15 min", exact=True).wait_for()
        page.screenshot(path=DOCS / "fleet-depot-phone.png", full_page=True)


def _take_depot(browser: Browser) -> None:
    with _demo("depot") as (folder, url):
        _take(browser, url, "light", (1280, 1000), "console.png", wait_ms=SETTLES_MS)
        _take(browser, url, "dark", (390, 844), "console-phone.png", wait_ms=3000)
        _take_driver(browser, folder, url)


def _take_home(browser: Browser) -> None:
    """What a family sees: on a phone all of the page, on a desk its first screen."""
    with tempfile.TemporaryDirectory() as folder:
        served = ServedHome(Path(folder))
        for name, scheme, width, whole in (("home-phone", "dark", 390, True), ("home", "light", 1440, False)):
            context = browser.new_context(
                viewport={"width": width, "height": 960}, color_scheme="dark" if scheme == "dark" else "light"
            )
            page = context.new_page()
            page.goto(served.url)
            signed_in(page, Role.OPERATOR, "Energy now")
            page.get_by_text("Leaves at").wait_for()
            page.wait_for_timeout(3000)  # until the car does what it is asked for
            page.screenshot(path=DOCS / f"{name}.png", full_page=whole)
            context.close()
        served.end()


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
