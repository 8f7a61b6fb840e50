"""The README says how the first merchant of an empty instance comes in: it is done here, in that order."""

import re
from pathlib import Path

import pytest

from citylife.settings import Settings
from tests.builders import NOW, a_siret
from tests.imported import a_collection, a_feature, kept
from wsgi import create_app

README = Path(__file__).parents[2] / "README.md"
COMMAND = re.compile(r"^    citylife (.+?)(?: +#.*)?$", re.MULTILINE)
SHOP = "Boulangerie du Coin"


@pytest.fixture
def client(folder):
    """The web application of the instance, once it is made."""
    made = []

    def asked():
        app = create_app(Settings(instance=folder, log_level="ERROR"), clock=lambda: NOW)
        made.append(app.extensions["citylife"])
        return app.test_client(use_cookies=False)

    yield asked
    for house in made:
        house.close()


def test_the_first_merchant_comes_in_as_the_readme_says(citylife, client, tmp_path):
    told = README.read_text(encoding="utf-8").partition("The first merchant")[2].partition("`/healthz`")[0]
    commands = [command.split() for command in COMMAND.findall(told)]
    assert [command[:2] for command in commands] == [
        ["shops", "import"],
        ["merchants", "invite"],
        ["merchants", "key"],
        ["shops", "verify"],
    ]
    file = kept(tmp_path, "shops.geojson", a_collection(a_feature("node/1", name=SHOP)))
    assert citylife("init").code == 0
    *before, verify = [[file if word == "FILE" else word for word in command] for command in commands]
    for command in before:
        said = citylife(*command, CITYLIFE_GEOCODER_URL="")
        assert (said.code, said.err) == (0, ""), command

    api, her = client(), {"Authorization": f"Bearer {said.out.split()[-1]}"}
    (listed,) = api.get("/api/v1/shops").json["items"]
    facts = {name: listed[name] for name in ("name", "category", "latitude", "longitude")}
    claimed = api.post("/api/v1/merchant/shops", json={**facts, "siret": a_siret()}, headers=her)
    assert (claimed.status_code, claimed.json["id"]) == (201, listed["id"])
    assert citylife(*verify).code == 0
    draft = {"title": "Pains de la veille", "ends_at": "2026-11-24T18:00:00+01:00"}
    offer = api.post(f"/api/v1/merchant/shops/{listed['id']}/offers", json=draft, headers=her).json["id"]
    assert api.post(f"/api/v1/merchant/offers/{offer}/publish", headers=her).status_code == 200
