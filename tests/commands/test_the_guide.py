"""The guides to the API are true: their examples are run, in order, against an instance filled by `citylife demo`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.commands.instances import Instance
from tests.sources import ROOT

pytestmark = pytest.mark.long

EXPECTED = re.compile(r"^(?P<command>\S.*?) +# → (?P<said>.+)$")


def script(guide: str, base_url: str, key: str) -> str:
    """The guide's commands as one shell script, which stops where an answer is not the one that is shown."""
    lines = ["set -euo pipefail"]
    for block in re.findall(r"^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            expected = EXPECTED.match(line)
            if line.startswith("API="):
                lines.append(f"API={base_url}/api/v1")
            elif line.startswith("KEY="):
                lines.append(f"KEY={key}")
            elif expected:
                lines += [
                    f"SAID=$({expected['command']})",
                    f'[ "$SAID" = \'{expected["said"]}\' ] || {{ echo "{len(lines)}: $SAID"; exit 9; }}',
                    "echo as-shown",
                ]
            else:
                lines.append(line)
    return "\n".join(lines) + "\n"


def run(text: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(("name", "least"), [("api.md", 20), ("mobile-client.md", 12), ("point-of-sale.md", 12)])
def test_every_example_of_a_guide_answers_as_shown(demo_instance: Instance, name: str, least: int):
    guide = (ROOT / "docs" / name).read_text(encoding="utf-8")
    with demo_instance.serving() as base_url:
        done = run(script(guide, base_url, demo_instance.key))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count("as-shown") == guide.count("# → ") > least


@pytest.mark.parametrize("shown", ["echo one   # → two", "false"])
def test_an_example_that_is_not_true_is_noticed(shown: str):
    assert run(script(f"```sh\n{shown}\n```", "", "")).returncode != 0


def test_the_paste_that_serve_prints_publishes_an_offer(demo_instance: Instance, tmp_path: Path):
    with demo_instance.serving() as base_url:
        printed = demo_instance.printed()
        paste = re.search(r"^  API=.*?/publish\"[^\n]*$", printed, re.MULTILINE | re.DOTALL)
        assert paste, printed
        done = run("set -euo pipefail\n" + paste[0])
        assert done.returncode == 0, done.stderr
        assert '"status":"live"' in done.stdout
        assert f"{base_url}/s/au-pain-de-la-gohelle-bethune" in printed
