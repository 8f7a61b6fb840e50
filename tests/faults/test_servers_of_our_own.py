"""The servers that the proofs break: killed with -9, they come back with what was committed, and leave nothing."""

from pathlib import Path

import psutil
import psycopg
import pytest

from tests.servers import OwnPostgres, OwnRabbit

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def test_a_killed_postgresql_comes_back_with_what_was_committed_and_leaves_nothing():
    with OwnPostgres() as server:
        url = server.new_database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE told (what text)")
            connection.execute("INSERT INTO told VALUES ('kept')")
        held = psycopg.connect(url)
        held.execute("INSERT INTO told VALUES ('not committed')")
        assert server.kill() > 3, "the server and its own processes"
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
        held.close()
        assert not server.answers()
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT what FROM told").fetchall() == [("kept",)]
            settings = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            assert settings.fetchone() == ("on", "on")
        folder = server.folder
    assert_nothing_left(str(folder))


def test_a_killed_rabbitmq_comes_back_with_its_disk_wiped_and_leaves_nothing():
    with OwnRabbit() as server:
        assert server.kill() > 1
        assert not server.answers()
        server.wipe()
        server.start()
        assert server.answers()
        folder, ports = server.folder, {server.port, server._mapper_port, server._distribution_port}
    assert_nothing_left(str(folder))
    assert not {line.laddr.port for line in psutil.net_connections("tcp") if line.status == "LISTEN"} & ports


def assert_nothing_left(folder: str) -> None:
    left = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"]) if folder in str(each.info["cmdline"])]
    assert left == []
    assert not Path(folder).exists()
