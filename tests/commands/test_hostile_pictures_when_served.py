"""Pictures sent to hurt, to Citylife as it is really served: none of its processes is lost by them."""

import json
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from citylife.photos import MOST_BYTES
from tests.commands.instances import PATIENCE, Instance, eventually, fetched, server_at
from tests.hostile_pictures import EITHER, HARMLESS, JPEG, REFUSED

AT_ONCE = 4
FULL, HEAVY = 503, 413


@pytest.mark.long
def test_no_worker_is_lost_by_sixty_hostile_pictures_sent_a_few_at_once(demo_instance: Instance):
    colleague = a_colleagues_key(demo_instance)
    with demo_instance.serving("--processes", "2") as base:
        server, hers = server_at(base), {"Authorization": f"Bearer {demo_instance.key}"}
        assert eventually(lambda: len(server.children()) == 2)
        assert eventually(lambda: fetched(base + "/readyz")[0] == 200)
        before = {child.pid for child in server.children()}
        shop = json.loads(fetched(base + "/api/v1/merchant/shops", headers=hers)[1])["items"][0]["id"]
        photos = f"{base}/api/v1/merchant/shops/{shop}/photos"
        hostile = [(name, make, colleague) for name, (make, _) in REFUSED.items()]
        hostile += [(name, make, demo_instance.key) for name, make in {**EITHER, **HARMLESS}.items()]

        with ThreadPoolExecutor(AT_ONCE) as hands:
            said = hands.map(lambda each: send(photos, each[1](), each[2]), hostile)
            answers = {name: status for (name, _, _), status in zip(hostile, said, strict=True)}

        assert {answers[name] for name in REFUSED} <= {HEAVY, 422}, answers
        assert {answers[name] for name in EITHER} <= {201, 422}, answers
        assert Counter(answers[name] for name in HARMLESS) == {201: len(HARMLESS)}, answers
        assert {child.pid for child in server.children()} == before
        assert fetched(base + "/readyz")[0] == 200
        assert send(photos, JPEG, demo_instance.key) == 201
    assert "Traceback" not in demo_instance.printed()


def a_colleagues_key(instance: Instance) -> str:
    """A key of somebody else of the shop's team: sixty photos an hour are what one may send."""
    assert instance.call("merchants", "invite", "b@gohelle.example", "au-pain-de-la-gohelle-bethune").returncode == 0
    return instance.call("merchants", "key", "b@gohelle.example").stdout.split()[-1]


def send(address: str, picture: bytes, key: str) -> int:
    """The status of the answer to a picture; where the darkroom is full, it comes back as it is asked to."""
    headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {key}"}
    request = urllib.request.Request(address, picture, headers)
    found = FULL

    def answered() -> bool:
        nonlocal found
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                found = answer.status
        except urllib.error.HTTPError as refused:
            with refused:
                found = refused.code
        except (urllib.error.URLError, ConnectionError):  # what is too heavy is not read to its end
            assert len(picture) > MOST_BYTES
            found = HEAVY
        return found != FULL

    assert eventually(answered)
    return found
