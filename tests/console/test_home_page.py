"""The page of a house in a browser, by clicks and keys, on a phone and on a desk."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.console.served import UNNAMED, ServedHome, fits, signed_in

from v2g.console.access import Role

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.alone
CONTRAST = """() => {
    const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map((each) => each / 255)
            .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    return Math.min(...[...document.querySelectorAll(".lane span")].map((each) => {
        const style = getComputedStyle(each);
        const [a, b] = [light(style.color), light(style.backgroundColor)].sort();
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
}"""
"""Of the text on the bar against its part (WCAG 2.2, 1.4.3)."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    served = ServedHome(tmp_path_factory.mktemp("home"))
    yield served.url
    served.end()


@pytest.fixture(params=[(390, "dark"), (1440, "light")], ids=["phone", "desk"])
def page(browser: "Browser", home: str, request: pytest.FixtureRequest) -> "Iterator[Page]":
    """Nothing may be asked of anybody else, and nothing may go wrong in it."""
    width, scheme = request.param
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        opened, wrong = context.new_page(), list[str]()
        opened.on("request", lambda asked: None if asked.url.startswith(home) else wrong.append(asked.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(home)
        yield opened
        assert not [each for each in wrong if not each.startswith("data:")]


def button(page: "Page", name: str) -> "Locator":
    return page.get_by_role("group", name="What the car does").get_by_role("button", name=name)


def ordered(page: "Page", name: str) -> str:
    """Order it, and say yes; returns what the question said."""
    button(page, name).click()
    dialog = page.get_by_role("dialog")
    said = dialog.inner_text()
    dialog.get_by_role("button", name=name).click()
    dialog.wait_for(state="detached")
    return said


def test_each_button_asks_says_what_will_happen_and_does_it(page: "Page") -> None:
    signed_in(page, Role.OPERATOR, "Energy now")
    assert page.evaluate(UNNAMED) == 0
    button(page, "Charge now").click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_text("follows its plan", exact=True).wait_for()

    said = ordered(page, "Charge now")
    assert "up to 11.0 kW" in said
    assert "until it has 80 %" in said
    page.get_by_text("charges now", exact=True).wait_for()
    page.get_by_text("It charges with 11.0 kW: the charger can do no more.").wait_for()

    said = ordered(page, "Feed")
    assert "to the house first, then the grid with at most 5.0 kW" in said
    assert "never below 30 %" in said
    page.get_by_text("feeds now", exact=True).wait_for()
    page.get_by_text(re.compile(r"It feeds \d\.\d kW: at most 5.0 kW may be fed into the grid.")).wait_for()

    assert "No energy flows until" in ordered(page, "Pause")
    page.get_by_text("is paused", exact=True).wait_for()
    page.get_by_text("You have paused it").wait_for()

    ordered(page, "Follow the plan")
    page.get_by_text("follows its plan", exact=True).wait_for()
    assert button(page, "Follow the plan").count() == 0
    assert fits(page)


def test_the_bar_adds_up_and_the_plan_is_there_in_words(page: "Page") -> None:
    from playwright.sync_api import expect

    signed_in(page, Role.OPERATOR, "Energy now")
    page.get_by_role("img", name=re.compile(r"From sun 5.2 kW.*; to house 0.9 kW, battery 0.6 kW")).wait_for()
    assert page.evaluate(CONTRAST) >= 4.5
    page.get_by_role("img", name=re.compile("Planned power of the car, and the price. .* Leaves at ")).wait_for()
    page.get_by_role("img", name=re.compile("Expected state of charge: 6. % now, ")).wait_for()
    departure = datetime.now() + timedelta(hours=10)
    page.get_by_label("Departure", exact=True).fill(f"{departure:%H:%M}")
    page.get_by_label("Charged by then").fill("91")
    page.get_by_label("Never fed below, %").fill("35")
    page.keyboard.press("Enter")
    page.get_by_text("Done: your car is planned with that.").wait_for()
    page.get_by_text(re.compile(f"Leaves at ({departure:%H:%M}|{departure:%I:%M}.[AP]M) with 9[1-9] %")).wait_for()
    page.reload()
    page.get_by_role("heading", name="Energy now").wait_for()
    expect(page.get_by_label("Charged by then")).to_have_value("91")
    page.get_by_role("button", name="Forget what I asked for").click()
    page.get_by_text("Done: what you asked for is forgotten.").wait_for()
    assert fits(page)


def test_a_viewer_looks_and_keys_alone_suffice(page: "Page", home: str) -> None:
    signed_in(page, Role.VIEWER, "Energy now")
    page.get_by_text("follows its plan", exact=True).wait_for()
    assert page.get_by_role("button", name="Charge now").count() == 0
    page.get_by_role("button", name="Sign out").click()
    signed_in(page, Role.OPERATOR, "Energy now")
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    button(page, "Charge now").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Cancel"  # what a hasty key would press
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_label("Never fed below, %").fill("95")
    page.keyboard.press("Enter")
    page.get_by_text("It cannot feed: it is at its lowest charge of 95 %.").wait_for()
    assert button(page, "Feed").is_disabled()
    page.get_by_role("button", name="Forget what I asked for").click()
    page.get_by_text("It cannot feed").wait_for(state="hidden")
    page.get_by_role("link", name="Chargers").click()  # the operator's page, signed in as here
    page.get_by_role("heading", name="Site power").wait_for()
