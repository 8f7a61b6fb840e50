"""The application as a browser meets it: with cookies, parsed pages, and served on a port for real browsers."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from justhtml import JustHTML
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from citylife.database import engine_for, writing
from citylife.settings import Settings
from tests.browser.chromium import Chromium
from tests.builders import NOW
from tests.needs import needs_chromium
from wsgi import create_app

OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


@dataclass
class StandingClock:
    """Time that moves when told to."""

    moment: dt.datetime = NOW

    def __call__(self) -> dt.datetime:
        return self.moment

    def forward(self, **by: float) -> None:
        self.moment += dt.timedelta(**by)


@dataclass
class ReadPage:
    """A page that was answered, parsed as browsers parse it."""

    answer: TestResponse
    document: JustHTML = field(init=False)

    def __post_init__(self) -> None:
        self.document = JustHTML(self.answer.get_data(as_text=True), sanitize=False, collect_errors=True)

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def words(self) -> str:
        """What is written on it, hidden or not, spaces made plain."""
        return plain(self.document.query("main")[0].to_text())

    def all(self, selector: str) -> list[Any]:
        return list(self.document.query(selector))

    @property
    def scripts(self) -> list[Any]:
        """The scripts a browser runs; the block of linked data is none."""
        return [script for script in self.all("script") if script.attrs.get("type") != "application/ld+json"]

    def one(self, selector: str) -> Any:
        found = self.all(selector)
        assert len(found) == 1, f"{len(found)} × {selector}"
        return found[0]

    def text(self, selector: str) -> str:
        return plain(self.one(selector).to_text())


@dataclass
class Browser:
    """A browser without scripts: it keeps cookies, follows links and sends forms."""

    app: Flask
    languages: str = "fr"

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, **headers: str) -> ReadPage:
        accepted = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": self.languages}
        return ReadPage(self.client.get(path, headers={**accepted, **headers}))

    def post(
        self, path: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> TestResponse:
        sent = {"Accept": "text/html", "Accept-Language": self.languages, **(OURS if headers is None else headers)}
        answer: TestResponse = self.client.post(path, headers=sent, data=form)
        return answer

    def press(self, page: ReadPage, words: str) -> ReadPage:
        """Send the form whose button says `words`, and go where it leads."""
        form = next(form for form in page.all("form[method=post]") if plain(form.to_text()) == words)
        answer = self.post(form.attrs["action"])
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self.get(answer.headers["Location"].partition("#")[0])


def plain(text: str) -> str:
    """The text with every run of spaces, breaking or not, as one plain space."""
    return " ".join(text.split())


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def app(database_url: str, tmp_path: Path, clock: StandingClock) -> Iterator[Flask]:
    """The application, on each kind of database."""
    yield from an_app(database_url, tmp_path, clock)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def reader(sqlite_url: str, tmp_path: Path, clock: StandingClock) -> Iterator[Browser]:
    """A browser on SQLite alone, where a page's words are judged and not what it stores."""
    for app in an_app(sqlite_url, tmp_path, clock):
        yield Browser(app)


@pytest.fixture
def street(sqlite_url: str) -> Iterator[sessionmaker[Session]]:
    """Sessions that people the database of `reader` and of `serve`."""
    engine = engine_for(sqlite_url)
    yield writing(engine)
    engine.dispose()


def an_app(database_url: str, folder: Path, clock: Callable[[], dt.datetime], **settings: Any) -> Iterator[Flask]:
    """An application on a database, disposed of afterwards."""
    given = {"instance": folder / "instance", "database_url": database_url, "log_level": "CRITICAL", **settings}
    app = create_app(Settings(**given), clock=clock)
    yield app
    app.extensions["citylife"].engine.dispose()


@pytest.fixture
def serve(sqlite_url: str, tmp_path: Path) -> Callable[..., Any]:
    """What puts the application on a free port of localhost, for a real browser: `serve(clock)` is a context.

    With `port`, the same address once more.
    """

    @contextmanager
    def serving(clock: Callable[[], dt.datetime], *, port: int = 0, **settings: Any) -> Iterator[str]:
        server = make_server("127.0.0.1", port, lambda *_: [], threaded=True)
        url = f"http://localhost:{server.server_port}"
        for app in an_app(sqlite_url, tmp_path, clock, base_url=url, **settings):
            server.app = app
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield url
            finally:
                server.shutdown()
                thread.join()
                server.server_close()

    return serving


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A real Chromium, one for a module's tests; each page it opens is another person's."""
    with Chromium(needs_chromium()) as chromium:
        yield chromium


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock) -> Iterator[str]:
    """Where the application is served to a real browser, with time that stands."""
    with serve(clock) as url:
        yield url
