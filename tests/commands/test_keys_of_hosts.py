"""`citylife keys`, and hosts that start with the right keys, with others, and without any."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from citylife.database import engine_for, writing
from citylife.devices import Device
from citylife.keys import PREVIOUS_FILE, SECRET_FILE, VAPID_FILE, new_vapid_key
from tests import builders
from tests.commands.instances import Instance, Said, eventually, fetched
from tests.conftest import a_postgres_database
from tests.doubles.mail_server import MailServer

Typed = Callable[..., Said]


def files_of(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in (SECRET_FILE, VAPID_FILE)}


def a_phone(folder: Path) -> None:
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    with writing(engine).begin() as session:
        builders.a_device(session, builders.a_citizen(session))
    engine.dispose()


def phones(folder: Path) -> int:
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    with writing(engine).begin() as session:
        found = len(session.scalars(select(Device.id)).all())
    engine.dispose()
    return found


def test_a_push_key_in_the_folder_is_changed_by_one_command(citylife: Typed, folder: Path):
    citylife("init")
    a_phone(folder)
    old = files_of(folder)[VAPID_FILE]

    done = citylife("keys", "rotate", LANG="en_GB.UTF-8")
    assert done.code == 0, done.err
    assert files_of(folder)[VAPID_FILE] != old
    assert (folder / PREVIOUS_FILE).read_text() == old
    assert (folder / PREVIOUS_FILE).stat().st_mode & 0o777 == 0o600

    listed = citylife("keys", "list", LANG="en_GB.UTF-8").out.splitlines()
    assert [line.split()[0] for line in listed] == ["1", "2"]
    assert "old, still accepted  1 devices  on this host" in listed[0]
    assert "in service since" in listed[1]
    assert "0 devices" in listed[1]


def test_an_old_key_is_dropped_with_whoever_still_has_it(citylife: Typed, folder: Path):
    citylife("init")
    a_phone(folder)
    citylife("keys", "rotate")
    assert citylife("keys", "drop", "2", "--yes").code == 1
    assert citylife("keys", "drop", "9", "--yes").code == 1
    assert phones(folder) == 1

    done = citylife("keys", "drop", "1", "--yes")
    assert (done.code, phones(folder)) == (0, 0)
    assert "1." in done.out
    (folder / PREVIOUS_FILE).unlink()
    assert citylife("keys", "list").code == 0


def test_a_key_that_is_set_is_only_proposed(citylife: Typed, folder: Path):
    key = new_vapid_key()
    citylife("init", CITYLIFE_VAPID_PRIVATE_KEY=key)
    done = citylife("keys", "rotate", CITYLIFE_VAPID_PRIVATE_KEY=key)
    proposed = done.out.splitlines()[1]
    assert done.code == 0
    assert not (folder / PREVIOUS_FILE).exists()
    settings = {"CITYLIFE_VAPID_PRIVATE_KEY": proposed, "CITYLIFE_VAPID_PREVIOUS_KEYS": key}
    assert citylife("keys", "list", **settings).code == 0
    assert citylife("keys", "list", CITYLIFE_VAPID_PRIVATE_KEY=key).code == 1


@pytest.mark.parametrize("command", ["serve", "work", "init"])
def test_a_second_host_without_keys_makes_none_and_does_not_start(
    citylife: Typed, folder: Path, tmp_path: Path, command: str
):
    citylife("init")
    second = tmp_path / "second"
    database = f"sqlite:///{folder / 'citylife.db'}"
    for lang, said in {"fr_FR.UTF-8": "n’en a pas", "en_GB.UTF-8": "this host has none"}.items():
        done = citylife(command, CITYLIFE_INSTANCE=str(second), CITYLIFE_DATABASE_URL=database, LANG=lang)
        assert done.code == 1
        assert said in done.err
        assert "Traceback" not in done.err
    assert not (second / SECRET_FILE).exists()
    assert not (second / VAPID_FILE).exists()


@pytest.mark.parametrize("command", ["serve", "work", "init"])
def test_a_second_host_with_other_keys_does_not_start(citylife: Typed, folder: Path, tmp_path: Path, command: str):
    citylife("init")
    second = {"CITYLIFE_INSTANCE": str(tmp_path / "second")}
    citylife("init", **second)
    done = citylife(command, **second, CITYLIFE_DATABASE_URL=f"sqlite:///{folder / 'citylife.db'}")
    assert (done.code, done.out.count("écoute")) == (1, 0)
    assert "clé secrète" in done.err


def test_a_backup_on_a_new_host_is_locked_until_its_new_keys_are_accepted(
    citylife: Typed, folder: Path, tmp_path: Path
):
    citylife("init")
    a_phone(folder)
    citylife("backup", str(tmp_path / "backup"))
    new = {"CITYLIFE_INSTANCE": str(tmp_path / "new")}
    assert citylife("restore", str(tmp_path / "backup"), **new).code == 0
    refused = citylife("keys", "list", **new)
    assert refused.code == 1
    assert "citylife keys accept" in refused.err.replace("\u00a0", " ")

    done = citylife("keys", "accept", "--yes", **new)
    assert done.code == 0, done.err
    assert "pierres tombales" in done.out
    assert "1 appareils" in done.out
    assert citylife("keys", "list", **new).code == 0
    assert phones(tmp_path / "new") == 0
    assert citylife("audit", "verify", **new).code == 0


def settings_of_a_host_without_a_folder(database_url: str) -> dict[str, str]:
    """Its database and keys are set, its instance folder can never be made, and its tombstones are still to be set."""
    return {
        "CITYLIFE_INSTANCE": str(Path(os.devnull) / "instance"),
        "CITYLIFE_DATABASE_URL": database_url,
        "CITYLIFE_SECRET_KEY": "s" * 43,
        "CITYLIFE_VAPID_PRIVATE_KEY": new_vapid_key(),
    }


def test_init_asks_for_no_folder_where_nothing_is_kept_in_one(citylife: Typed, tmp_path: Path, postgres_url: str):
    host = settings_of_a_host_without_a_folder(postgres_url)
    for _ in range(2):
        done = citylife("init", **host, CITYLIFE_TOMBSTONES=str(tmp_path / "stones"))
        assert (done.code, done.err) == (0, "")
        assert "Dossier" not in done.out
        assert "Base de données à jour" in done.out

    for absent in ("CITYLIFE_TOMBSTONES", "CITYLIFE_SECRET_KEY", "CITYLIFE_VAPID_PRIVATE_KEY", "CITYLIFE_DATABASE_URL"):
        done = citylife("init", **{**host, "CITYLIFE_TOMBSTONES": str(tmp_path / "stones"), absent: ""})
        assert (done.code, done.out) == (1, "")
        assert "Une machine s’en passe si" in done.err
        assert absent in done.err


def test_a_backup_is_restored_where_there_is_no_folder(citylife: Typed, tmp_path: Path):
    with a_postgres_database() as url:
        host = settings_of_a_host_without_a_folder(url) | {"CITYLIFE_TOMBSTONES": str(tmp_path / "stones")}
        assert citylife("init", **host).code == 0
        assert citylife("backup", str(tmp_path / "backup"), **host).code == 0
        done = citylife("restore", str(tmp_path / "backup"), "--force", "--yes", **host)
        assert done.code == 0, done.err


def test_a_web_process_does_not_start_where_no_erasure_could_be_noted(
    citylife: Typed, tmp_path: Path, postgres_url: str
):
    host = settings_of_a_host_without_a_folder(postgres_url)
    with socket.socket() as other:  # it never gets as far as to listen
        other.bind(("127.0.0.1", 0))
        other.listen()
        serve = ("serve", "--port", str(other.getsockname()[1]))
        for folder in ("", str(Path(os.devnull) / "stones")):
            said = citylife(*serve, **host, CITYLIFE_TOMBSTONES=folder)
            assert said.code == 1
            assert "CITYLIFE_TOMBSTONES" in said.err
            assert "effacement" in said.err
            assert "Traceback" not in said.err
        said = citylife(*serve, **host, CITYLIFE_TOMBSTONES=str(tmp_path / "stones"))
        assert "Impossible d’écouter" in said.err


@pytest.mark.long
def test_hosts_without_a_folder_init_serve_work_and_erase_with_everything_from_settings(
    instance: Instance, tmp_path: Path, postgres_url: str
):
    with MailServer(tmp_path) as mail:
        instance.settings.update(
            settings_of_a_host_without_a_folder(postgres_url),
            CITYLIFE_SMTP_URL=mail.url,
            CITYLIFE_MAIL_FROM="citylife@town.example",
        )
        second = Instance(
            tmp_path / "second", {**instance.settings, "CITYLIFE_TOMBSTONES": str(tmp_path / "second-tombstones")}
        )
        third = Instance(
            tmp_path / "third", {**instance.settings, "CITYLIFE_TOMBSTONES": str(tmp_path / "third-tombstones")}
        )
        for host in (second, third):
            done = host.call("init")
            assert done.returncode == 0, done.stderr
        worker = instance.start("work")  # erases nobody, so that it has no tombstones
        try:
            for host in (second, third):
                with host.serving("--no-worker") as url:
                    token = json.loads(fetched(f"{url}/api/v1/citizens", {})[1])["token"]
                    hers = {"Authorization": f"Bearer {token}"}
                    assert fetched(f"{url}/api/v1/me", headers=hers)[0] == 200
                    assert not list(Path(host.settings["CITYLIFE_TOMBSTONES"]).iterdir())
                    erased = fetched(f"{url}/api/v1/me", headers=hers, method="DELETE")
                    assert erased[0] == 200, erased
                    (written,) = Path(host.settings["CITYLIFE_TOMBSTONES"]).iterdir()
                    assert written.read_text().count("\n") == 1
                    assert fetched(f"{url}/api/v1/me", headers=hers)[0] == 401
            staff = instance.call("staff", "invite", "camille@cluster.example")
            assert staff.returncode == 0, staff.stderr
            assert eventually(lambda: len(mail.taken) == 1), instance.printed()
        finally:
            worker.terminate()
            assert worker.wait(30) == 0, instance.printed()
    assert not (tmp_path / "second").exists()
    assert not (tmp_path / "third").exists()
