"""docs/running.md is true: its settings, commands, metrics and events exist; its units and server block are whole."""

import configparser
import io
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import click
import pytest

from blueprints.commands import commands
from citylife.settings import PREFIX, Settings
from tests.needs import missing, needs_nginx, needs_systemd_analyze
from tests.nginx import GUIDE, UPSTREAMS, without_tls
from tests.nginx import SERVER_BLOCK as SERVER
from tests.sources import ROOT, SOURCES

LEDGER = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
CODE = "\n".join((ROOT / source).read_text(encoding="utf-8") for source in SOURCES)
UNITS = re.findall(r"^```ini\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SCRIPTS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
(SCRAPED,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
(ENABLED,) = re.findall(r"^systemctl enable --now (.*)$", GUIDE, re.MULTILINE)
WEB = re.findall(r"citylife-web@(\d+)", ENABLED)
"""The ports of the web processes that the guide starts."""
WORKERS = re.findall(r"citylife-worker@(\d+)", ENABLED)


def unit(text: str) -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(text)
    return parsed


def known(words: list[str]) -> click.Command:
    """The command that a line names; a failure where there is none, or none with such an option."""
    found: click.Command = commands
    context = click.Context(found)
    for word in words:
        if not isinstance(found, click.Group):
            break
        if word.startswith("-"):
            break
        deeper = found.get_command(context, word)
        assert deeper is not None, f"citylife {' '.join(words)}"
        found = deeper
    options = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options, words
    return found


def test_every_setting_it_names_exists():
    named = set(re.findall(rf"\b({PREFIX}[A-Z_]+)\b", GUIDE))
    assert len(named) > 12
    assert named <= {PREFIX + field.name.upper() for field in fields(Settings)}


def test_every_command_it_names_exists():
    named = re.findall(r"citylife ((?:[a-z]+(?: |(?=`)))+(?:--[a-z-]+)?)", " ".join(GUIDE.split()))
    shown = [line.split() for line in re.findall(r"`citylife ([^`]+)`", GUIDE)]
    assert len(shown) > 10
    assert named
    for words in shown:
        known([word for word in words if re.fullmatch(r"[a-z-]+", word)])


def units() -> dict[str, str]:
    """The units of the guide by the name of their file: the worker's is the web's, but for its own lines."""
    web, worker, backup, timer = UNITS
    merged, own = unit(web), unit(worker)
    for section in own.sections():
        merged[section].update(own[section])
    written = io.StringIO()
    merged.write(written, space_around_delimiters=False)
    names = ("citylife-web@.service", "citylife-worker@.service", "citylife-backup.service", "citylife-backup.timer")
    return dict(zip(names, (web, written.getvalue(), backup, timer), strict=True))


def started() -> list[list[str]]:
    """The commands of ours that the units start."""
    lines = [
        value
        for text in units().values()
        for name, value in (unit(text).items("Service") if unit(text).has_section("Service") else ())
        if name in {"ExecStart", "ExecStartPre"}
    ]
    return [found[1].split() for line in lines if (found := re.search(r"/opt/citylife/bin/citylife ([^'$]+)", line))]


def test_the_units_start_commands_that_exist_with_options_that_exist():
    assert [words[0] for words in started()] == ["keys", "serve", "keys", "work", "backup"]
    for words in started():
        assert not isinstance(known([word for word in words if not word.startswith("/")]), click.Group)


def test_the_units_are_named_as_they_are_enabled_and_write_where_the_settings_say():
    for name in ENABLED.split():
        file = re.sub(r"@\d+", "@", name) + ("" if "." in name else ".service")
        assert file in units()
    folders = set(re.findall(r"=/var/lib/([a-z-]+)$", GUIDE, re.MULTILINE))
    assert folders == {"citylife", "citylife-tombstones"}
    for name, text in units().items():
        if name.endswith(".service"):
            assert folders <= set(unit(text)["Service"]["StateDirectory"].split()), name


def test_systemd_takes_the_units_where_it_is_installed(tmp_path: Path):
    program = needs_systemd_analyze()
    own = tmp_path / "citylife"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    for name, text in units().items():
        (tmp_path / name).write_text(text.replace("/opt/citylife/bin/citylife", str(own)))
    names = [name.replace("@", "@1") for name in units()]
    for name in (name for name in units() if "@" in name):
        (tmp_path / name.replace("@", "@1")).symlink_to(tmp_path / name)
    asked = [program, "verify", "--man=no", "--recursive-errors=no", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    wrong = tmp_path / "citylife-web@.service"
    wrong.write_text(wrong.read_text().replace("KillMode=mixed", "KillMode=mixture"))
    asked = [program, "verify", "--man=no", str(tmp_path / "citylife-web@1.service")]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert "mixture" in done.stderr


def test_every_program_of_its_scripts_exists_on_debian():
    """On the machine this runs on, where it is a Debian with the servers the guide installs."""
    words = {
        line.split()[0]
        for script in SCRIPTS
        for line in script.splitlines()
        if not line.startswith(("#", " ", "/opt/", PREFIX))
    } | {"systemd-run", "createuser", "createdb", "runuser", "find", "date", "curl"}
    words -= {"exec", "for", "done"}
    absent = {word for word in words if shutil.which(word, path="/usr/bin:/usr/sbin:/bin:/sbin") is None}
    if absent & {"rabbitmqctl", "createuser", "createdb", "systemctl", "systemd-run", "apt-get"}:
        missing(f"not a Debian with what the guide installs: {', '.join(sorted(absent))}")
    assert absent == set()


def test_its_scripts_are_whole():
    assert len(SCRIPTS) == 7
    for script in SCRIPTS:
        done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_command_that_does_not_exist_is_noticed():
    for words in (["keys", "forget"], ["serve", "--forks"]):
        with pytest.raises(AssertionError):
            known(words)


def test_the_stop_is_given_the_time_it_takes():
    service = unit(UNITS[0])["Service"]
    assert int(service["TimeoutStopSec"]) > 30 + Settings().drain_seconds
    assert service["KillMode"] == "mixed"


def test_each_web_process_has_a_port_which_nginx_prometheus_and_a_restart_know():
    (serve,) = [words for words in started() if words[0] == "serve"]
    assert (serve[serve.index("--port") + 1], "--processes" in serve) == ("%i", False)
    assert len(WEB) > 1
    assert [port for address, port, _ in UPSTREAMS if address == "127.0.0.1"] == WEB
    metrics_port = unit(units()["citylife-worker@.service"])["Service"]["Environment"].partition("METRICS_PORT=")[2]
    (targets,) = re.findall(r"- targets: \[(.*)\]$", SCRAPED, re.MULTILINE)
    shown = [*WEB, *(metrics_port.replace("%i", worker) for worker in WORKERS)]
    assert targets.split(", ") == [f"127.0.0.1:{port}" for port in shown]
    (restarted,) = [script for script in SCRIPTS if "systemctl restart citylife-web@" in script]
    assert f"for port in {' '.join(WEB)}; do" in restarted
    assert "http://127.0.0.1:$port/readyz" in restarted


def test_one_refused_connection_takes_no_server_out():
    assert len(UPSTREAMS) == len(re.findall(r"^    server .*;$", SERVER, re.MULTILINE)) > len(WEB)
    assert {said for _, _, said in UPSTREAMS} == {"max_fails=0"}


def test_every_metric_and_event_it_names_exists():
    metrics = set(re.findall(r"`(citylife_[a-z_]+)", GUIDE + LEDGER))
    assert len(metrics) > 8
    for metric in metrics:
        bare = metric.removeprefix("citylife_").removesuffix("_total")
        assert f'"{bare}"' in CODE or f'"citylife_{bare}"' in CODE, metric
    events = set(re.findall(r"`((?:offer|message|letter|origin|push|ledger|mail)\.[a-z_]+)`", GUIDE + LEDGER))
    assert {"offer.published", "message.expanded", "message.sent", "offer.opened"} <= events
    assert [event for event in sorted(events) if f'"{event}"' not in CODE] == []


def test_the_server_block_says_what_the_settings_rely_on():
    for wanted in (
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto",
        "proxy_set_header X-Forwarded-Host",
        "proxy_next_upstream error",
        "client_max_body_size 11m;",
        "access_log off;",
    ):
        assert wanted in SERVER
    assert "keepalive" not in SERVER
    assert SERVER.count("{") == SERVER.count("}")


def test_nginx_takes_the_server_block_where_it_is_installed(tmp_path: Path):
    program = needs_nginx()
    conf = f"pid {tmp_path}/pid; events {{}} http {{ {without_tls(SERVER)} }}"
    (tmp_path / "nginx.conf").write_text(conf)
    done = subprocess.run([program, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
