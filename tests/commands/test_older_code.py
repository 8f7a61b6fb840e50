"""Code that is older than the schema: another host was upgraded first, and this one goes on until its turn comes."""

import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.instances import Instance, eventually, fetched

LATER = "plus récente"


def migrate_further(folder: Path) -> None:
    """Let the database stand where a later version left it: something was added."""
    with closing(sqlite3.connect(folder / "citylife.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("ALTER TABLE shops ADD COLUMN of_later TEXT")
        connection.execute("CREATE TABLE of_later (id INTEGER PRIMARY KEY)")


def tables(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "citylife.db")) as connection:
        return sorted(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))


def test_its_commands_work_and_warn(citylife, folder):
    citylife("init")
    migrate_further(folder)
    for words in (("keys", "list"), ("sending", "list"), ("staff", "invite", "camille@cluster.example"), ("purge",)):
        said = citylife(*words)
        assert said.code == 0, said.err
        assert LATER in said.err
        assert LATER not in said.out


def test_what_copies_or_rebuilds_everything_is_refused(citylife, folder, tmp_path):
    citylife("init")
    migrate_further(folder)
    for words in (("backup", str(tmp_path / "file")), ("partitions",)):
        said = citylife(*words)
        assert (said.code, said.out) == (1, "")
        assert "ce programme n’en connaît pas tout" in said.err
    assert not (tmp_path / "file").exists()


def test_init_refuses_and_changes_nothing(citylife, folder):
    citylife("init")
    migrate_further(folder)
    before = tables(folder)
    folder.chmod(0o750)
    (folder / "secret-key").unlink()
    said = citylife("init")
    assert (said.code, said.out) == (1, "")
    assert "rien n’a été changé" in said.err
    assert "9999" in said.err
    assert tables(folder) == before
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert not (folder / "secret-key").exists()


@pytest.mark.long
def test_web_processes_and_workers_start_on_a_newer_schema(ready: Instance):
    migrate_further(ready.folder)
    with ready.serving("--no-worker") as url:
        assert eventually(lambda: fetched(f"{url}/readyz")[0] == 200)
        assert '"database":"newer"' in fetched(f"{url}/readyz")[1]
        assert fetched(f"{url}/api/v1/citizens", {})[0] == 201
        assert LATER in ready.printed()
    worker = ready.start("work")
    try:
        assert eventually(lambda: "notifications partent" in ready.printed()), ready.printed()
        assert LATER in ready.printed()
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, ready.printed()
