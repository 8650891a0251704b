"""The page of a fleet's operator in a browser, with real servers and simulated depots behind it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.console.served import UNNAMED, ServedFleet, fits, signed_in

from v2g.console.access import Role

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.alone
MINUS = "\u2212"
CUT = """[...document.querySelectorAll(".row > span:not(.limit)")].filter(
    (each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 3
).map((each) => each.textContent)"""
"""What is cut off in the list of depots, but for the reasons, which are long."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    served = ServedFleet(tmp_path_factory.mktemp("fleet"))
    yield served.url
    served.end()


@pytest.fixture(params=[390, 1440])
def page(browser: "Browser", fleet: str, request: pytest.FixtureRequest) -> "Iterator[Page]":
    """Nothing may be asked of anybody else, and nothing may go wrong in it."""
    with browser.new_context(viewport={"width": request.param, "height": 900}) as context:
        opened, wrong = context.new_page(), list[str]()
        opened.on("request", lambda asked: None if asked.url.startswith(fleet) else wrong.append(asked.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(fleet)
        yield opened
        assert not [each for each in wrong if not each.startswith("data:")]


def test_an_operator_asks_for_power_and_sees_who_gives_it(page: "Page") -> None:
    signed_in(page, Role.OPERATOR, "Fleet power")
    link = page.get_by_role("link", name="harbour").element_handle()
    page.get_by_label("Let it").select_option("feed the grid")
    page.get_by_label("with", exact=True).fill("20")
    page.get_by_role("button", name="Ask", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(f"to {MINUS}20.0 kW, for 15 min").wait_for()
    dialog.get_by_role("button", name="Ask").click()
    page.get_by_text(f"asked {MINUS}20.0 kW by operator").wait_for()
    page.get_by_role("cell", name="follows").first.wait_for()
    assert link.evaluate("each => each.isConnected"), "a link that is exchanged while it is pressed is not followed"
    assert fits(page)
    page.set_viewport_size({"width": 1000, "height": 900})
    assert page.evaluate(CUT) == []
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    page.get_by_text("no power is asked for").wait_for()


def test_a_depot_has_a_page_of_its_own_and_leads_to_its_site(page: "Page") -> None:
    signed_in(page, Role.VIEWER, "Fleet power")
    page.get_by_label("Show only depots with this").fill("harb")
    page.get_by_role("link", name="harbour").click()
    page.get_by_role("heading", name="Depot harbour").wait_for()
    page.get_by_text("It warns of nothing.").wait_for()
    page.get_by_text("15 min", exact=True).wait_for()
    assert page.get_by_role("link", name="Its own page").get_attribute("href") == "https://harbour.example.com"
    assert fits(page)
    assert page.evaluate(UNNAMED) == 0
    page.go_back()
    page.get_by_role("heading", name="Fleet power").wait_for()


def test_a_viewer_asks_for_nothing(page: "Page", fleet: str) -> None:
    signed_in(page, Role.VIEWER, "Fleet power")
    assert page.get_by_role("heading", name="Ask the fleet").count() == 0
    status = page.evaluate(
        """async () => (await fetch("api/request", {method: "PUT", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({by: "viewer", power_w: 1, for_s: 60})})).status"""
    )
    assert status == 403
