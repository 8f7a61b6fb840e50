"""A console to type at, in this process; and instances driven through the real console script, in real processes."""

import datetime as dt
import logging.config
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

import blueprints.commands
from blueprints.commands import console
from blueprints.commands.desk import Desk
from citylife.settings import Settings
from tests.builders import NOW
from tests.commands.instances import Instance, Said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The instance folder, not made yet."""
    return tmp_path / "instance"


@pytest.fixture
def citylife(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Type a command; settings and LANG are given by name, the clock stands at `NOW` or where it is set."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CITYLIFE_INSTANCE", str(folder))
    monkeypatch.setenv("CITYLIFE_AIPD_DATE", "2025-01-02")

    def typed(*arguments: str, now: dt.datetime = NOW, **environment: str) -> Said:
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(blueprints.commands, "Desk", lambda **parts: Desk(**parts, clock=lambda: now))
            code = console(serve=no_server, work=no_worker, arguments=arguments)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    yield typed
    plain = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "WARNING"}}
    logging.config.dictConfig(plain)
    structlog.reset_defaults()


@pytest.fixture
def migrated(folder: Path, sqlite_template: Path) -> None:
    """The database of an instance that only lacks its keys: `init` has next to nothing to do."""
    folder.mkdir(mode=0o700)
    shutil.copyfile(sqlite_template, folder / "citylife.db")


def no_server(settings: Settings, *, worker: bool) -> Callable[..., object]:
    """A web application that must not be made."""
    raise AssertionError(settings, worker)


def no_worker(settings: Settings, *, heeds: Callable[[], None]) -> None:
    """A worker that must not be started."""
    raise AssertionError(settings, heeds)


@pytest.fixture
def instance(folder: Path) -> Instance:
    """An instance that was never prepared."""
    return Instance(folder)


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `citylife init` has prepared, to be copied."""
    folder = tmp_path_factory.mktemp("initialised") / "instance"
    done = Instance(folder).call("init")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def ready(instance: Instance, initialised: Path) -> Instance:
    """An instance that is prepared, and empty."""
    shutil.copytree(initialised, instance.folder)
    return instance


@pytest.fixture
def demo_instance(ready: Instance) -> Instance:
    """An instance that is prepared, and filled with the fictional town."""
    done = ready.call("demo")
    assert done.returncode == 0, done.stderr
    ready.key = done.stdout.split()[-1]
    return ready
