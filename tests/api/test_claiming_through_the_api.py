"""Claiming a shop of the directory through the API, and what public registers propose there."""

import pytest

from citylife.accounts.merchants import Scope
from citylife.registers import AddressRegister, CompanyRegister, Register, Registers
from citylife.shops import ShopStatus
from citylife.shops.claims import CLAIMS, CLAIMS_NETWORK
from tests.builders import BETHUNE
from tests.doubles.address_service import Known, Trouble, an_address_service
from tests.doubles.company_service import Establishment, a_company_service

SIRET = "73282932000074"
WORDS = "12 rue de lille"
CONTACT = "mailto:contact@citylife.example"


@pytest.fixture
def registers(town):
    """The two services, played, as the application asks them."""
    house = town.app.extensions["citylife"]
    with an_address_service() as addresses, a_company_service(Establishment(SIRET)) as companies:
        addresses.known[WORDS] = [Known(50.5301, 2.6403, BETHUNE, label="12 Rue de Lille 62400 Béthune")]
        found = Registers(
            AddressRegister(Register(addresses.url, contact=CONTACT)),
            CompanyRegister(Register(companies.url, contact=CONTACT)),
        )
        object.__setattr__(house, "registers", found)
        yield addresses, companies
        assert (addresses.faults, companies.faults) == ([], [])


def test_a_shop_found_in_the_directory_is_claimed_by_its_id(town):
    shop, merchant = town.shop("Chez Léon", status=ShopStatus.LISTED), town.merchant()
    answer = merchant.post(f"/merchant/shops/{shop.id}/claim", json={"siret": SIRET})
    assert (answer.status_code, answer.json["status"]) == (201, "claimed")
    assert answer.headers["Location"] == f"/api/v1/merchant/shops/{shop.id}"
    assert merchant.get(f"/merchant/shops/{shop.id}").status_code == 200
    late = town.merchant().post(f"/merchant/shops/{shop.id}/claim", json={"siret": SIRET})
    assert (late.status_code, late.json["type"].rpartition("/")[2]) == (409, "shop-already-claimed")
    assert merchant.post(f"/merchant/shops/{shop.id}/claim", json={}).status_code == 422


def test_nobody_claims_without_end_through_the_api_either(town):
    merchant = town.merchant()
    shops = [town.shop(f"Boutique {number}", status=ShopStatus.LISTED) for number in range(11)]
    answers = [
        merchant.post(f"/merchant/shops/{shop.id}/claim", json={"rna": f"W{n:09}"}) for n, shop in enumerate(shops)
    ]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]


def test_refused_claims_count_too_and_a_network_claims_so_often_whoever_asks(town):
    taken, merchants = town.shop(status=ShopStatus.CLAIMED), [town.merchant() for _ in range(5)]
    answers = [
        merchant.post(f"/merchant/shops/{taken.id}/claim", json={"siret": SIRET}).status_code
        for merchant in merchants[:4]
        for _ in range(CLAIMS.most)
    ]
    assert set(answers) == {409}
    assert merchants[0].post(f"/merchant/shops/{taken.id}/claim", json={"siret": SIRET}).status_code == 429
    assert len(answers) == CLAIMS_NETWORK.most
    refused = merchants[4].post(f"/merchant/shops/{taken.id}/claim", json={"siret": SIRET})
    assert (refused.status_code, "claims-network" in refused.headers["RateLimit"]) == (429, True)


def test_addresses_are_proposed_as_they_are_typed(town, registers):
    addresses, _ = registers
    answer = town.merchant().post("/merchant/proposals/addresses", json={"words": WORDS})
    assert answer.json == {
        "items": [
            {
                "label": "12 Rue de Lille 62400 Béthune",
                "street": "12 Rue de Lille",
                "postal_code": "62400",
                "commune": {"insee_code": BETHUNE, "name": "Béthune"},
                "latitude": 50.5301,
                "longitude": 2.6403,
            }
        ],
        "answered": True,
        "elsewhere": False,
    }
    assert answer.headers["Cache-Control"] == "no-store"
    addresses.always = Trouble(500)
    away = town.merchant().post("/merchant/proposals/addresses", json={"words": WORDS})
    assert away.json == {"items": [], "answered": False, "elsewhere": False}


def test_a_company_is_proposed_by_its_siret(town, registers):
    _, companies = registers
    merchant = town.merchant()
    found = merchant.post("/merchant/proposals/company", json={"siret": "732 829 320 00074"})
    assert found.json == {"name": "CHEZ LEON", "address": "12 RUE DE LILLE 62400 BETHUNE", "note": None}
    companies.known = []
    none = merchant.post("/merchant/proposals/company", json={"siret": SIRET}).json
    assert (none["name"], none["address"], "Aucun établissement" in none["note"]) == ("", "", True)
    assert merchant.post("/merchant/proposals/company", json={"siret": "12"}).status_code == 422


def test_proposals_are_for_who_may_claim_and_not_without_end(town, registers):
    _, companies = registers
    assert (
        town.merchant(scopes=(Scope.READ,)).post("/merchant/proposals/company", json={"siret": SIRET}).status_code
        == 403
    )
    merchant = town.merchant()
    answers = [merchant.post("/merchant/proposals/company", json={"siret": SIRET}).status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]
    assert len(companies.asked) == 30
