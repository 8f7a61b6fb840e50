"""Where reports go, and under which token: none leaves unsigned, nor readable on its way."""

import pytest

from citylife.settings import SettingRefused, Settings

TOKEN = "a-token"


def read(url: str, token: str = TOKEN) -> Settings:
    return Settings.read({"CITYLIFE_CLUSTER_URL": url, "CITYLIFE_CLUSTER_TOKEN": token}, env_file=None)


@pytest.mark.parametrize(
    "url", ["https://cluster.example", "https://cluster.example:8443/hub", "http://127.0.0.1:1026"]
)
def test_an_address_by_tls_or_on_this_machine_is_taken(url: str) -> None:
    assert read(url).cluster_url == url


def test_a_token_may_wait_for_its_address() -> None:
    assert read("").cluster_token == TOKEN


@pytest.mark.parametrize("url", ["https://cluster.example", "http://cluster.example", "http://127.0.0.1:1026"])
def test_an_address_without_a_token_is_refused_since_nothing_leaves_unsigned(url: str) -> None:
    with pytest.raises(SettingRefused, match="CITYLIFE_CLUSTER_TOKEN must be set where CITYLIFE_CLUSTER_URL is"):
        read(url, token="")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://cluster.example", "must be https://"),
        ("ftp://cluster.example", "must be http"),
        ("https://somebody@cluster.example", "must name nobody"),
        ("https://cluster.example/?a=b", "must be http"),
    ],
)
def test_an_address_that_anybody_could_read_along_or_that_is_none_is_refused(url: str, said: str) -> None:
    with pytest.raises(SettingRefused, match=f"CITYLIFE_CLUSTER_URL {said}"):
        read(url)


@pytest.mark.parametrize("token", ["two words", "un\nsecret", "clé"])
def test_a_token_that_breaks_a_line_is_refused(token: str) -> None:
    with pytest.raises(SettingRefused, match="CITYLIFE_CLUSTER_TOKEN must be plain") as refused:
        read("https://cluster.example", token=token)
    assert token not in str(refused.value)
