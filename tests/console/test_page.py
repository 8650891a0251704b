"""The operator's page in a browser, by clicks and keys, with a depot of light stations behind it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.console.served import CODES, MARKUP, UNNAMED, ServedDepot, fits, signed_in

from v2g.console.access import Role

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.alone
STATIONS = 40
MINUS = "\u2212"


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    served = ServedDepot(tmp_path_factory.mktemp("depot"), STATIONS)
    yield served.url
    served.end()


@pytest.fixture(params=[390, 1440])
def page(browser: "Browser", depot: str, request: pytest.FixtureRequest) -> "Iterator[Page]":
    """Nothing may be asked of anybody else, and nothing may go wrong in it."""
    with browser.new_context(viewport={"width": request.param, "height": 900}) as context:
        opened, wrong = context.new_page(), list[str]()
        opened.on("request", lambda asked: None if asked.url.startswith(depot) else wrong.append(asked.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("dialog", lambda dialog: wrong.append(dialog.message))
        opened.goto(depot)
        yield opened
        assert not [each for each in wrong if not each.startswith("data:")]


def sign_in(page: "Page", name: Role) -> None:
    signed_in(page, name, "Site power")


def find(page: "Page") -> "Locator":
    """The charger with the car: those that need a person come first."""
    page.get_by_label("Show only chargers with this").fill("CS0/1")
    return page.get_by_role("link", name="CS0/1")


def test_a_wrong_password_is_refused_in_words(page: "Page") -> None:
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("name or password is wrong").wait_for()
    assert fits(page)


def test_a_site_without_trouble_says_so(browser: "Browser", tmp_path: Path) -> None:
    served = ServedDepot(tmp_path, 1)
    page = browser.new_page()
    try:
        page.goto(served.url)
        sign_in(page, Role.VIEWER)
        page.get_by_text("Nothing needs attention.").wait_for()
        page.locator("main").focus()
        assert page.locator("main").evaluate("main => getComputedStyle(main).outlineStyle") == "none"
    finally:
        page.close()
        served.end()


def test_a_viewer_looks_and_has_no_buttons(page: "Page") -> None:
    sign_in(page, Role.VIEWER)
    page.get_by_text(f"{STATIONS - 1} chargers not connected").wait_for()
    assert page.get_by_role("button", name="Ask").count() == 0
    assert fits(page)
    find(page).click()
    page.get_by_role("heading", name="Charger CS0/1").wait_for()
    page.get_by_text("Why this power").wait_for()
    assert page.get_by_role("button", name="Pause").count() == 0
    page.get_by_text(MARKUP).first.wait_for()  # a name is text, whatever it looks like
    assert fits(page)


def test_an_operator_asks_the_site_after_a_question(page: "Page") -> None:
    sign_in(page, Role.OPERATOR)
    page.get_by_role("spinbutton", name="with").fill("10")
    page.get_by_role("button", name="Ask").click()
    assert re.search(rf"the site goes from .* to {MINUS}10.0 kW, for 15 min", page.get_by_role("dialog").inner_text())
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.get_by_text(f"asked {MINUS}10.0 kW").count() == 0
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("dialog").get_by_role("button", name="Ask").click()
    page.get_by_text(f"asked {MINUS}10.0 kW by operator").wait_for()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    page.get_by_text("Done: withdrawn").wait_for()
    page.get_by_text(f"asked {MINUS}10.0 kW by operator").wait_for(state="detached")


def test_a_charger_is_paused_and_resumed(page: "Page") -> None:
    sign_in(page, Role.OPERATOR)
    find(page).click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    page.get_by_text("Done: paused").wait_for()
    page.locator("dd", has_text="waiting").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    page.locator("dd", has_text="waiting").wait_for(state="detached")


def test_it_can_be_used_by_keys_alone(page: "Page") -> None:
    sign_in(page, Role.OPERATOR)
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    find(page).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Charger CS0/1").wait_for()
    page.get_by_role("button", name="End the session").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Cancel"  # what a hasty key would press
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for(state="detached")


@pytest.fixture
def phone(browser: "Browser", depot: str) -> "Iterator[Page]":
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        opened, wrong = context.new_page(), list[str]()
        opened.on("request", lambda asked: None if asked.url.startswith(depot) else wrong.append(asked.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(f"{depot}/e/{CODES['CS0/1']}")
        yield opened
        assert not [each for each in wrong if not each.startswith("data:")]


def test_a_driver_states_needs_by_keys_and_sees_whose_word_holds(phone: "Page") -> None:
    phone.get_by_role("heading", name="Your car").wait_for()
    assert phone.evaluate(UNNAMED) == 0
    assert fits(phone)
    phone.locator("dd", has_text="30 %, by the fleet list").wait_for()
    phone.get_by_label("Departure").focus()
    phone.get_by_label("Departure").fill("07:45")
    phone.keyboard.press("Tab")
    phone.get_by_label("Charged by then").fill("85")
    phone.get_by_label("Never fed below, %").fill("45")
    phone.keyboard.press("Enter")
    phone.get_by_text("Done: your car is planned with that.").wait_for()
    phone.locator("dd", has_text="85 %, yours").wait_for()
    phone.locator("dd", has_text="45 %, yours").wait_for()
    assert phone.locator("dd", has_text="yours").count() == 3
    assert phone.get_by_text(MARKUP).count() == 0  # no names
    phone.get_by_label("The car may feed the grid").uncheck()
    phone.get_by_role("button", name="Save").click()
    phone.locator("dd", has_text="no: its driver lets nothing be fed").wait_for()
    phone.reload()
    phone.get_by_role("heading", name="Your car").wait_for()
    assert phone.get_by_label("Charged by then").input_value() == "85"
    assert not phone.get_by_label("The car may feed the grid").is_checked()
    phone.get_by_role("button", name="Forget what I asked for").click()
    phone.get_by_text("Done: what you asked for is forgotten.").wait_for()
    phone.locator("dd", has_text="yours").first.wait_for(state="detached")
    assert fits(phone)


def test_a_driver_without_a_car_or_with_a_wrong_code_reads_what_to_do(phone: "Page", depot: str) -> None:
    phone.goto(f"{depot}/e/{CODES['CS1/1']}")
    phone.get_by_text("No car is plugged in here.").wait_for()
    phone.goto(f"{depot}/e/{'c' * 16}")
    phone.get_by_text("there is no such code; scan the one on the charger again").wait_for()
    assert fits(phone)


def test_each_field_has_a_name(page: "Page") -> None:
    sign_in(page, Role.OPERATOR)
    assert page.evaluate(UNNAMED) == 0
    page.get_by_label("Show only chargers with this").fill("cs39")
    page.get_by_text(f"1 of {STATIONS}").wait_for()
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Week").click()
    page.get_by_role("columnheader", name="Vehicle").wait_for()
    assert page.evaluate(UNNAMED) == 0
    assert fits(page)
