"""The settings of the doorbell: what can be dialled is taken, and what cannot is refused without its password."""

import pytest

from citylife.settings import BrokerQueue, SettingRefused, Settings

TAKEN = {
    "plain": "amqp://broker",
    "with-everything": "amqp://citylife:pass%2Fword@broker:5673/town",
    "encrypted": "amqps://citylife:password@broker.example",
    "a-cluster": "amqp://citylife:password@one/town;amqp://citylife:password@two/town",
}
REFUSED = {
    "another-scheme": "redis://citylife:secret-word@broker",
    "no-host": "amqp://citylife:secret-word@",
    "no-port": "amqp://citylife:secret-word@broker:http",
    "a-query": "amqp://citylife:secret-word@broker?heartbeat=0",
    "one-of-two": "amqp://broker;citylife:secret-word@broker",
    "an-empty-one": "amqp://citylife:secret-word@broker;",
}


@pytest.mark.parametrize("url", TAKEN.values(), ids=TAKEN.keys())
def test_a_broker_that_can_be_dialled_is_taken(url):
    settings = Settings.read({"CITYLIFE_BROKER_URL": url, "CITYLIFE_BROKER_QUEUE": "quorum"}, env_file=None)
    assert (settings.broker_url, settings.broker_queue) == (url, BrokerQueue.QUORUM)


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_a_broker_that_cannot_be_dialled_is_refused_without_its_password(url):
    with pytest.raises(SettingRefused, match="CITYLIFE_BROKER_URL") as refused:
        Settings.read({"CITYLIFE_BROKER_URL": url}, env_file=None)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"), [("BROKER_QUEUE", "stream"), ("LOOK_SECONDS", "0"), ("LOOK_SECONDS", "-1")], ids=str
)
def test_what_a_doorbell_cannot_be_is_refused(name, value):
    with pytest.raises(SettingRefused, match=f"CITYLIFE_{name}"):
        Settings.read({f"CITYLIFE_{name}": value}, env_file=None)
