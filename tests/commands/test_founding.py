"""`citylife init` prepares an instance for its owner alone, and a second time keeps what is there."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from citylife import migrations
from citylife.database import engine_for
from citylife.migrations import Schema
from tests.conftest import a_postgres_database


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_an_instance_is_its_owners_alone(citylife, folder):
    assert citylife("init").code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes(folder) == {"citylife.db": 0o600, "secret-key": 0o600, "vapid-private-key": 0o600}


def test_a_second_time_keeps_keys_and_data_and_closes_what_was_opened(citylife, folder):
    citylife("init")
    kept = {name: (folder / name).read_bytes() for name in ("secret-key", "vapid-private-key")}
    assert citylife("staff", "invite", "camille@cluster.example").code == 0
    folder.chmod(0o755)
    (folder / "secret-key").chmod(0o644)
    assert citylife("init").code == 0
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes(folder)["secret-key"] == 0o600
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM staff")) == 1
        assert connection.scalar(text("SELECT count(*) FROM communes")) == 100
    engine.dispose()


@pytest.fixture
def fresh_postgres_url():
    with a_postgres_database() as url:
        yield url


def test_a_database_elsewhere_is_prepared_and_its_password_is_not_said(citylife, folder, fresh_postgres_url):
    url = make_url(fresh_postgres_url).set(password="hunter2").render_as_string(hide_password=False)
    said = citylife("init", CITYLIFE_DATABASE_URL=url)
    assert (said.code, said.err) == (0, "")
    assert "hunter2" not in said.out
    assert set(modes(folder)) == {"secret-key", "vapid-private-key"}
    engine = engine_for(fresh_postgres_url)
    assert migrations.schema_of(engine) is Schema.CURRENT
    engine.dispose()
