"""The secrets of an instance are made once, for its owner alone, and refused where they cannot be used."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from citylife.keys import SECRET_FILE, VAPID_FILE, Keys, keep_secret, keys_of, new_vapid_key
from citylife.settings import SettingRefused, Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path):
    settings = Settings(instance=tmp_path / "instance")
    first = keys_of(settings)
    second = keys_of(settings)
    assert first.secret_key == second.secret_key
    assert first.vapid_public == second.vapid_public
    assert mode(tmp_path / "instance") == 0o700
    assert {mode(tmp_path / "instance" / name) for name in (SECRET_FILE, VAPID_FILE)} == {0o600}
    assert sorted(path.name for path in (tmp_path / "instance").iterdir()) == sorted([SECRET_FILE, VAPID_FILE])


def test_processes_that_start_together_agree_on_the_keys(tmp_path):
    settings = Settings(instance=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys_of(settings), range(16)))
    assert len({keys.secret_key for keys in found}) == 1
    assert len({keys.vapid_public for keys in found}) == 1


def test_the_public_key_is_an_uncompressed_point_in_base64url(tmp_path):
    public = keys_of(Settings(instance=tmp_path)).vapid_public
    point = base64.urlsafe_b64decode(public + "=")
    assert (len(public), len(point), point[0]) == (87, 65, 4)


def test_keys_that_are_set_leave_the_folder_alone(tmp_path):
    settings = Settings(instance=tmp_path / "none", secret_key="s" * 43, vapid_private_key=new_vapid_key())
    assert keys_of(settings).secret_key == "s" * 43
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("bad", ["", "=", "no", "!" * 43, "A" * 43, "_" * 43, "AAAA", "Z" * 43 + "AAAA"])
def test_a_private_key_that_is_none_is_refused_by_name(tmp_path, bad):
    (tmp_path / VAPID_FILE).write_text(bad)
    with pytest.raises(SettingRefused, match="CITYLIFE_VAPID_PRIVATE_KEY"):
        keys_of(Settings(instance=tmp_path))


def test_a_short_secret_is_refused(tmp_path):
    with pytest.raises(SettingRefused, match="CITYLIFE_SECRET_KEY"):
        keys_of(Settings(instance=tmp_path, secret_key="short"))


def test_hosts_joined_by_a_broker_must_be_given_their_keys(tmp_path):
    with pytest.raises(SettingRefused, match="must be set where CITYLIFE_BROKER_URL"):
        keys_of(Settings(instance=tmp_path, broker_url="amqp://somewhere"))
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_is_kept_is_never_overwritten(tmp_path):
    keep_secret(tmp_path / "one", "first")
    keep_secret(tmp_path / "one", "second")
    assert (tmp_path / "one").read_text() == "first\n"
    assert mode(tmp_path / "one") == 0o600


def test_keys_do_not_show_when_they_are_printed(tmp_path):
    keys = keys_of(Settings(instance=tmp_path))
    assert repr(keys) == "Keys()"
    assert isinstance(keys, Keys)
