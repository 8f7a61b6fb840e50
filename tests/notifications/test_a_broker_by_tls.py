"""A RabbitMQ dialled by TLS: rung and heard where its certificate is right, and left alone where it is not."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from citylife.settings import BrokerQueue, SettingRefused, Settings
from notifications.broker import BrokerDoorbell, broker_of
from tests.doubles.certificates import Certificates, make_certificates
from tests.notifications.test_broker import PATIENCE, eventually, listening_at
from tests.servers import OwnRabbit


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Of a broker that may call itself 127.0.0.1 and broker.example, never localhost."""
    return make_certificates(tmp_path_factory.mktemp("broker"), ["broker.example"])


@pytest.fixture(scope="module")
def rabbit(certificates: Certificates) -> Iterator[OwnRabbit]:
    with OwnRabbit(certificates=certificates) as server:
        yield server


def settings(rabbit: OwnRabbit, ca_file: Path | None, host: str = "127.0.0.1", port: int = 0) -> Settings:
    url = f"amqps://guest:guest@{host}:{port or rabbit.tls_port}"
    return Settings(broker_url=url, broker_ca=str(ca_file or ""))


def refusal(settings: Settings) -> str:
    """What is said of a broker that is not reached."""
    broker = broker_of(settings)
    assert broker is not None
    bell = BrokerDoorbell(broker)
    with capture_logs() as said:
        bell.ring()
        assert eventually(lambda: bell.state.reachable is not None)
        bell.stop()
    assert bell.state.reachable is False
    (away,) = [each for each in said if each["event"] == "doorbell.broker_away"]
    return str(away["error"])


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("by_system", [False, True], ids=["its own authority", "the system's authorities"])
def test_a_ring_is_heard_by_tls(
    rabbit: OwnRabbit, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, *, by_system: bool
) -> None:
    if by_system:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    trusting = settings(rabbit, None if by_system else certificates.ca_file)
    broker = broker_of(trusting)
    assert broker is not None
    with listening_at(broker_of(trusting)) as hearing:
        bell = BrokerDoorbell(broker)
        bell.ring()
        assert eventually(lambda: hearing.heard)
        bell.stop()
        assert bell.state.reachable


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_broker_that_is_not_who_it_should_be_is_told_nothing(
    rabbit: OwnRabbit, certificates: Certificates, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path, ["broker.example"])
    of_another_authority, of_none_of_the_systems = settings(rabbit, other.ca_file), settings(rabbit, None)
    of_another_name = settings(rabbit, certificates.ca_file, host="localhost")
    for wrong in (of_another_authority, of_none_of_the_systems, of_another_name):
        assert refusal(wrong) == "SSLCertVerificationError"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_broker_that_does_not_speak_tls_is_away(rabbit: OwnRabbit, certificates: Certificates) -> None:
    begun = time.monotonic()
    assert refusal(settings(rabbit, certificates.ca_file, port=rabbit.port))
    assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("url", ["amqp://guest@broker.example", "amqps://one.example;amqp://two.example"])
def test_an_authority_for_a_broker_in_clear_is_refused(certificates: Certificates, url: str) -> None:
    with pytest.raises(SettingRefused, match="CITYLIFE_BROKER_CA"):
        Settings(broker_url=url, broker_ca=str(certificates.ca_file))


def test_a_file_of_authorities_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("absent.pem", "empty.pem"):
        with pytest.raises(SettingRefused, match="CITYLIFE_BROKER_CA"):
            Settings(broker_url="amqps://broker.example", broker_ca=str(tmp_path / name))


def test_each_node_is_dialled_under_its_own_name() -> None:
    broker = broker_of(Settings(broker_url="amqps://one.example;amqps://two.example", broker_queue=BrokerQueue.QUORUM))
    assert broker is not None
    assert [each.ssl_options.server_hostname for each in broker.parameters] == ["one.example", "two.example"]
    assert all(each.ssl_options.context.check_hostname for each in broker.parameters)
