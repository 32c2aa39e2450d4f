"""Fixtures: real servers, a real browser, and the real program. What is not on this machine is skipped, by name."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import TypeVar
from urllib.parse import urlsplit

import hypothesis
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import mission, program, servers

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent

# A shared machine is slow now and then: no test is judged by its time. CI draws the same examples every run.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",  # WebGL 2 in software, which the map needs
    "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # no way out of this machine
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """Real files that nobody on this project wrote. They are not part of the product, so a clone alone has none."""
    folder = ROOT.parent / "shared" / "fixtures"
    if not folder.is_dir():
        pytest.skip("the real files (../shared/fixtures) are not beside this clone")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty COMMONGROUND_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def commonground(home: Path) -> Callable[..., CompletedProcess[str]]:
    """Run a command on `home`: commonground("ingest", "auto", path, "--json")."""
    return partial(program.command, home)


@pytest.fixture
def served(home: Path) -> Iterator[program.Served]:
    """The real server on `home`, answering; `served.url` is its address."""
    with program.serving(home) as server:
        yield server


@pytest.fixture(scope="session")
def mission_now() -> datetime:
    """The moment from which the small mission's payloads count back."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def mission_home(tmp_path_factory: pytest.TempPathFactory, mission_now: datetime) -> Path:
    """A home with the small mission of tests/mission.py in it. Copy it before anything is written to it."""
    folder = tmp_path_factory.mktemp("mission")
    home = mission.write_home(folder / "home")
    mission.load(home, mission.payloads(folder / "payloads", mission_now))
    return home


@pytest.fixture(scope="module")
def orlane(mission_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[program.Served]:
    """The real server on this module's own copy of the small mission."""
    home = tmp_path_factory.mktemp("orlane") / "home"
    shutil.copytree(mission_home, home)
    with program.serving(home) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A PostgreSQL cluster of this run alone; `with postgres.database() as url` makes one more database."""
    with ExitStack() as stack:
        yield start(stack, servers.postgres)


@pytest.fixture
def postgres_url(postgres: servers.Postgres) -> Iterator[str]:
    """SQLAlchemy address of a fresh database with PostGIS in it."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[servers.Address]:
    """Host and port of an MQTT broker."""
    with ExitStack() as stack:
        yield start(stack, servers.mosquitto)


@pytest.fixture(scope="session")
def nats() -> Iterator[servers.Address]:
    """Host and port of a NATS server with JetStream."""
    with ExitStack() as stack:
        yield start(stack, servers.nats)


def start(stack: ExitStack, server: Callable[[], AbstractContextManager[T]]) -> T:
    try:
        return stack.enter_context(server())
    except servers.Absent as absent:
        pytest.skip(str(absent))


# One browser a module, not a session: while Playwright runs, asyncio.run fails in the same thread, so keep tests that
# use an event loop of their own in other modules.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium with WebGL 2."""
    try:
        chromium = servers.find(servers.CHROMIUM)
    except servers.Absent as absent:
        pytest.skip(str(absent))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page: page(url, width=1920, height=1080, **options of a browser context), such as color_scheme or locale.

    At the end the test fails if any of its pages threw, broke its own content security policy, or asked anything of
    another host: everything must work with the network cable out.
    """
    faults: list[str] = []

    def hear(page: Page) -> None:
        page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
        page.on("console", lambda message: "Content Security Policy" in message.text and faults.append(message.text))
        page.on("request", lambda request: outside(request.url) and faults.append(f"asked for {request.url}"))

    def open_page(url: str, width: int = 1920, height: int = 1080, **options: object) -> Page:
        context = stack.enter_context(browser.new_context(viewport={"width": width, "height": height}, **options))
        context.set_default_timeout(30_000)
        page = context.new_page()
        hear(page)
        page.goto(url)
        return page

    with ExitStack() as stack:
        yield open_page
    assert not faults, faults


def outside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")
