"""From the console: everything in one file, back again into either database, with or without the keys."""

import re
import stat
import zipfile

import click
import pytest
from sqlalchemy import select

import blueprints.commands.saving
from citylife.accounts.citizens import Citizen
from citylife.accounts.erasure import erase_citizen
from citylife.database import engine_for, reading, writing
from citylife.keys import keys_of
from citylife.settings import Settings
from citylife.tombstones import Tombstones
from tests.builders import NOW, a_citizen
from tests.conftest import a_postgres_database


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backup.zip"


@pytest.fixture
def engine(citylife, folder, migrated):
    assert citylife("init").code == 0
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def citizen(engine) -> Citizen:
    with writing(engine).begin() as session:
        return a_citizen(session)


def citizens(url: str) -> set:
    engine = engine_for(url)
    with reading(engine)() as session:
        found = set(session.scalars(select(Citizen.id)))
    engine.dispose()
    return found


def elsewhere(tmp_path) -> str:
    return str(tmp_path / "elsewhere")


def test_a_backup_is_made_and_restored_into_another_instance(citylife, citizen, file, tmp_path):
    made = citylife("backup", str(file))
    assert made.code == 0
    assert re.search(r"lignes sauvegardées dans .*backup\.zip", made.out)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    back = citylife("restore", str(file), CITYLIFE_INSTANCE=elsewhere(tmp_path))
    assert back.code == 0, back.err
    assert "24 novembre 2026 09:00" in back.out
    assert "à nouveau : 0." in back.out
    assert "nouvelle est faite" in back.out, "the keys were not in it, and that is said"
    assert citizens(f"sqlite:///{tmp_path / 'elsewhere' / 'citylife.db'}") == {citizen.id}
    assert stat.S_IMODE((tmp_path / "elsewhere" / "citylife.db").stat().st_mode) == 0o600


def test_a_town_moves_from_sqlite_to_postgresql(citylife, citizen, file):
    assert citylife("backup", str(file)).code == 0
    with a_postgres_database() as url:
        assert citylife("restore", str(file), CITYLIFE_DATABASE_URL=url).code == 0
        assert citizens(url) == {citizen.id}


def test_the_keys_travel_only_when_asked(citylife, citizen, file, folder, tmp_path):
    assert citylife("backup", str(file)).code == 0
    secrets = [(folder / name).read_bytes().strip() for name in ("secret-key", "vapid-private-key")]
    with zipfile.ZipFile(file) as archive:
        assert not [
            name
            for name in archive.namelist()
            if "key" in name and not name.startswith(("tables/merchant_keys", "tables/noted_keys", "tables/passkey"))
        ]
        assert all(secret not in archive.read(name) for name in archive.namelist() for secret in secrets)
    with_keys = tmp_path / "with-keys.zip"
    assert citylife("backup", str(with_keys), "--with-keys").code == 0
    back = citylife("restore", str(with_keys), CITYLIFE_INSTANCE=elsewhere(tmp_path))
    assert (back.code, "clé" in back.out) == (0, False), back.out
    mine, theirs = keys_of(Settings(instance=folder)), keys_of(Settings(instance=tmp_path / "elsewhere"))
    assert (mine.secret_key, mine.vapid_public) == (theirs.secret_key, theirs.vapid_public)
    assert stat.S_IMODE((tmp_path / "elsewhere" / "secret-key").stat().st_mode) == 0o600


def test_keys_that_are_there_stay_and_that_is_said(citylife, citizen, file, tmp_path):
    assert citylife("backup", str(file), "--with-keys").code == 0
    assert citylife("init", CITYLIFE_INSTANCE=elsewhere(tmp_path)).code == 0
    before = keys_of(Settings(instance=tmp_path / "elsewhere")).secret_key
    back = citylife("restore", str(file), CITYLIFE_INSTANCE=elsewhere(tmp_path))
    assert back.code == 0
    assert back.out.count("elle reste") == 2
    assert keys_of(Settings(instance=tmp_path / "elsewhere")).secret_key == before


def test_a_database_with_somebody_in_it_is_replaced_only_after_a_yes(citylife, engine, citizen, file, monkeypatch):
    assert citylife("backup", str(file)).code == 0
    with writing(engine).begin() as session:
        newcomer = a_citizen(session).id
    url = str(engine.url)
    refused = citylife("restore", str(file))
    assert (refused.code, "--force" in refused.err) == (1, True)
    asked = []

    def answer(question: str, **_: object) -> bool:
        asked.append(question)
        raise click.Abort

    monkeypatch.setattr(blueprints.commands.saving.click, "confirm", answer)
    assert citylife("restore", str(file), "--force").code == 130
    assert "sera remplacé" in asked[0]
    assert citizens(url) == {citizen.id, newcomer}
    assert citylife("restore", str(file), "--force", "--yes").code == 0
    assert citizens(url) == {citizen.id}


def test_whoever_left_since_is_erased_again(citylife, engine, citizen, file, folder):
    tombstones = Tombstones(folder / "tombstones", keys_of(Settings(instance=folder)).secret_key)
    assert citylife("backup", str(file)).code == 0
    with writing(engine).begin() as session:
        erase_citizen(session, session.get_one(Citizen, citizen.id), tombstones=tombstones, now=NOW)
    back = citylife("restore", str(file), "--force", "--yes", LANG="en_GB")
    assert "Tombstones read: 1; people erased again: 1." in back.out
    assert citizens(str(engine.url)) == set()


def test_after_another_kind_of_restoration_the_erasures_are_replayed(citylife, engine, citizen, folder, tmp_path):
    tombstones = Tombstones(tmp_path / "other-host", keys_of(Settings(instance=folder)).secret_key)
    tombstones.bury(citizen.id, citizen.id, now=NOW)
    assert "à nouveau : 0." in citylife("erasures", "replay").out
    assert citizens(str(engine.url)) == {citizen.id}
    done = citylife("erasures", "replay", "--tombstones", str(tmp_path / "other-host"))
    assert (done.code, "à nouveau : 1." in done.out) == (0, True)
    assert citizens(str(engine.url)) == set()


def test_tombstones_of_another_key_are_not_passed_over_in_silence(citylife, citizen, file, folder):
    Tombstones(folder / "tombstones", "another" * 9).bury(citizen.id, citizen.id, now=NOW)
    assert citylife("backup", str(file)).code == 0
    replayed = citylife("erasures", "replay")
    assert (replayed.code, "autre clé" in replayed.err) == (1, True)
    words = ("restore", str(file), "--force", "--yes")
    refused = citylife(*words)
    assert (refused.code, "CITYLIFE_SECRET_KEY" in refused.err) == (1, True)
    assert citylife(*words, "--ignore-unreadable-tombstones").code == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"SQLite format 3\x00" * 100])
def test_what_is_no_backup_leaves_no_trace(citylife, tmp_path, content):
    (tmp_path / "other.zip").write_bytes(content)
    said = citylife("restore", str(tmp_path / "other.zip"), CITYLIFE_INSTANCE=elsewhere(tmp_path))
    assert (said.code, "n’est pas une sauvegarde" in said.err) == (1, True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_refused_restoration_leaves_no_half_made_database(citylife, citizen, file, tmp_path):
    assert citylife("backup", str(file)).code == 0
    (tmp_path / "stones").mkdir()
    Tombstones(tmp_path / "stones", "another" * 9).bury(citizen.id, citizen.id, now=NOW)
    said = citylife(
        "restore", str(file), "--tombstones", str(tmp_path / "stones"), CITYLIFE_INSTANCE=elsewhere(tmp_path)
    )
    assert said.code == 1
    assert not list((tmp_path / "elsewhere").glob("citylife.db*"))


def test_a_file_that_is_there_is_not_overwritten_and_one_that_is_not_is_named(citylife, citizen, file):
    file.write_bytes(b"precious")
    refused = citylife("backup", str(file))
    assert (refused.code, "existe déjà" in refused.err) == (1, True)
    assert file.read_bytes() == b"precious"
    absent = citylife("restore", str(file.with_name("absent.zip")))
    assert (absent.code, "absent.zip" in absent.err) == (1, True)
