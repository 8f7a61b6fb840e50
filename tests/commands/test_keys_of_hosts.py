"""`citylife keys`, and hosts that start with the right keys, with others, and without any."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from citylife.database import engine_for, writing
from citylife.devices import Device
from citylife.keys import PREVIOUS_FILE, SECRET_FILE, VAPID_FILE, new_vapid_key
from tests import builders
from tests.commands.instances import Instance, Said, eventually, fetched
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


@pytest.mark.long
def test_a_host_without_a_folder_serves_works_and_erases_with_everything_from_settings(
    instance: Instance, tmp_path: Path, postgres_url: str
):
    nowhere = Path(os.devnull) / "instance"  # nothing can ever be made there
    with MailServer(tmp_path) as mail:
        instance.settings.update(
            CITYLIFE_INSTANCE=str(nowhere),
            CITYLIFE_DATABASE_URL=postgres_url,
            CITYLIFE_SECRET_KEY="s" * 43,
            CITYLIFE_VAPID_PRIVATE_KEY=new_vapid_key(),
            CITYLIFE_TOMBSTONES=str(tmp_path / "shared-tombstones"),
            CITYLIFE_SMTP_URL=mail.url,
            CITYLIFE_MAIL_FROM="citylife@town.example",
        )
        worker = instance.start("work")
        try:
            web = Instance(tmp_path / "web", dict(instance.settings))
            with web.serving("--no-worker") as url:
                token = json.loads(fetched(f"{url}/api/v1/citizens", {})[1])["token"]
                assert fetched(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})[0] == 200
                erased = fetched(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, method="DELETE")
                assert erased[0] == 200, erased
                staff = instance.call("staff", "invite", "camille@cluster.example")
                assert staff.returncode == 0, staff.stderr
                assert eventually(lambda: len(mail.taken) == 1), instance.printed()
        finally:
            worker.terminate()
            assert worker.wait(30) == 0, instance.printed()
    assert list((tmp_path / "shared-tombstones").iterdir())
