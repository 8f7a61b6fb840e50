"""`citylife serve` and `citylife work` as real processes: how they start, stop, die, and what their logs never hold."""

import base64
import json
import os
import secrets
import signal
import socket
from pathlib import Path

import psutil
import pytest

from blueprints.commands.town import SHOWN
from tests.builders import browser_keys
from tests.commands.instances import PATIENCE, Instance, eventually, fetched, free_port, server_at, wait_for


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal, as the kernel tells it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stops_in_good_order_and_says_so(ready: Instance, number: signal.Signals):
    port = free_port()
    server = ready.start("serve", "--port", str(port))
    wait_for(f"http://localhost:{port}/healthz", server)
    os.killpg(server.pid, number)
    assert server.wait(PATIENCE) == 0
    assert '"event":"dispatcher.stopped"' in ready.printed(), "the worker thread came to its end"
    assert "Traceback" not in ready.printed()
    assert not answers(port)


def test_a_worker_stops_in_good_order(ready: Instance):
    worker = ready.start("work")
    assert eventually(lambda: "Les notifications partent d’ici" in ready.printed())
    assert catches(worker.pid, signal.SIGTERM), "it says so once it can be asked to stop"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    assert '"event":"dispatcher.stopped"' in ready.printed()


def test_web_processes_do_not_outlive_their_parent(ready: Instance):
    port = free_port()
    server = ready.start("serve", "--port", str(port), "--processes", "2")
    wait_for(f"http://localhost:{port}/healthz", server)
    assert eventually(lambda: len(psutil.Process(server.pid).children()) == 2)
    children = psutil.Process(server.pid).children(recursive=True)  # and what a worker may just have begun
    server.kill()
    server.wait()
    gone, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert len(gone) >= 2
    assert alive == []
    assert not answers(port)


def test_a_web_process_that_dies_is_born_again(ready: Instance):
    with ready.serving() as base_url:
        server = server_at(base_url)
        (before,) = server.children()
        before.kill()
        assert eventually(lambda: any(child.pid != before.pid for child in server.children()))
        assert eventually(lambda: fetched(base_url + "/readyz")[0] == 200)


def test_a_port_that_is_taken_is_explained_at_once(ready: Instance):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = ready.call("serve", "--port", str(other.getsockname()[1]))
    assert done.returncode == 1
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.1"])
def test_a_host_that_is_not_here_is_explained(ready: Instance, host: str):
    done = ready.call("serve", "--host", host, "--port", str(free_port()))
    assert done.returncode == 1
    assert host in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "work"])
def test_nothing_starts_without_a_database(instance: Instance, command: str):
    done = instance.call(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "citylife init" in done.stderr


def test_it_says_where_to_go(demo_instance: Instance):
    with demo_instance.serving() as base_url:
        printed = demo_instance.printed()
        assert f"{base_url}/s/au-pain-de-la-gohelle-bethune" in printed
        assert demo_instance.key in printed
        status, page = fetched(f"{base_url}/s/au-pain-de-la-gohelle-bethune")
    assert status == 200
    assert SHOWN in page


def test_without_a_demonstration_it_says_how_to_get_one(ready: Instance):
    with ready.serving():
        assert "citylife demo" in ready.printed()
        assert "clk_" not in ready.printed()


def test_what_is_set_dangerously_is_said_loudly(ready: Instance):
    with ready.serving(CITYLIFE_PUSH_CONNECT_TO="127.0.0.1:9", CITYLIFE_CONTACT="mailto:us@example.org"):
        assert "ATTENTION" in ready.printed()
        assert "127.0.0.1:9" in ready.printed()
        assert "CITYLIFE_CONTACT" not in ready.printed()


def test_the_logs_hold_no_secret_no_person_and_no_place(demo_instance: Instance):
    planted = {
        "mail": "camille.durand@exemple.fr",
        "latitude": "50.52963",
        "longitude": "2.64012",
        "agent": "Planted-Agent/1.0",
        "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/" + secrets.token_urlsafe(40),
    }
    _, keys = browser_keys()
    device = {"p256dh": encoded(keys.p256dh), "auth": encoded(keys.auth)}
    with demo_instance.serving(CITYLIFE_LOG_LEVEL="DEBUG") as base_url:
        _, made = fetched(base_url + "/api/v1/citizens", {}, {"User-Agent": planted["agent"]})
        planted["token"] = json.loads(made)["token"]
        mine = {"Authorization": f"Bearer {planted['token']}", "User-Agent": planted["agent"]}
        consent = {"purpose": "notifications", "granted": True, "text_version": "2026-11", "locale": "fr"}
        assert fetched(base_url + "/api/v1/me/consents", consent, mine)[0] == 201
        subscription = {"endpoint": planted["endpoint"], "keys": device}
        assert fetched(base_url + "/api/v1/me/devices", subscription, mine)[0] == 201
        where = f"latitude={planted['latitude']}&longitude={planted['longitude']}&q={planted['mail']}"
        assert fetched(f"{base_url}/api/v1/shops?{where}", headers=mine)[0] == 422
        assert fetched(f"{base_url}/s/{planted['mail']}", headers=mine)[0] == 404
        assert fetched(base_url + "/api/v1/me/devices", {"endpoint": planted["endpoint"] + "x"}, mine)[0] == 422
        assert fetched(base_url + "/api/v1/merchant/shops", headers=merchant(demo_instance.key))[0] == 200
        assert eventually(lambda: demo_instance.printed().count('"event":"request"') >= 7)
    lines = [line for line in demo_instance.printed().splitlines() if line.startswith("{")]
    assert sum('"event":"request"' in line for line in lines) >= 7
    assert all(json.loads(line)["event"] for line in lines)
    written = "\n".join(lines)
    for name, secret in {**planted, **device, "key": demo_instance.key}.items():
        assert secret not in written, name
    assert "127.0.0.1" not in written


def merchant(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
