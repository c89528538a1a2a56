"""The whole product on the wall clock, filled once, and a browser without a network of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from local.rehearsal.house import House
from tests.web.cases import cases
from tests.web.house import fill

ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    running = House(tmp_path_factory.mktemp("house"), drive="wall", extra={"STEPDOWN_LOG_LEVEL": "info"})
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def ward(house: House) -> dict[str, str]:
    """Episode ids by what they show (tests/web/house.py)."""
    return fill(house.url)


@pytest.fixture(scope="session")
def desk(house: House) -> dict[str, str]:
    """Case ids by what their payer said (tests/web/cases.py)."""
    return cases(house.url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "these tests drive a real browser: install one with `make browser`"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, headless=True, args=ARGS)
        yield running
        running.close()


class Watched:
    """A page and whatever went wrong on it: script errors, broken policies, requests elsewhere."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda sent: None if sent.url.startswith(home) else self.wrong.append(sent.url))


Entering = Callable[..., Page]


@pytest.fixture
def enter(browser: Browser, house: House) -> Iterator[Entering]:
    """Signs a role in on a page of its own; afterwards no page may have complained, but for refusals asked for."""
    watched: list[Watched] = []

    def entering(role: str, *, scripts: bool = True) -> Page:
        context = browser.new_context(
            base_url=house.url, viewport={"width": 1400, "height": 900}, java_script_enabled=scripts
        )
        page = context.new_page()
        watched.append(Watched(page, house.url))
        page.goto("/login")
        page.get_by_label("User name").fill(role)
        page.get_by_label("Password").fill("local")
        page.get_by_role("button", name="Sign in").click()
        return page

    yield entering
    wrong = [text for one in watched for text in one.wrong if "the server responded with a status of 4" not in text]
    for one in watched:
        one.page.context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def pictures() -> Path:
    return Path(__file__).resolve().parents[2] / "docs" / "images"
