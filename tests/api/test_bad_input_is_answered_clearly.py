"""Bad input of every kind: a clear answer that names the field, and nothing half-written."""

import base64
import json
import uuid

import pytest

from citylife.accounts.merchants import Scope
from citylife.consent import TEXTS, Purpose
from citylife.shops import Shop, ShopStatus
from tests.builders import a_siret, browser_keys

HOSTILE_TEXTS = [
    "🥖🍞 Pains à −50 % 🎉",
    "عرض خاص على الخبز",
    "מבצע על לחם",
    "<script>alert('x')</script>",
    "'; DROP TABLE offers; --",
    '" OR 1=1 --',
    "Robert'); DELETE FROM citizens;--",
    "{{ 7*7 }} ${7*7} %s %(x)s {0} {name}",
    "Œuf à la coque & ça",
]
UNREADABLE_TEXTS = [
    "avec un\x00nul",
    "avec un\x1béchappement",
    "tabulé\tici",
    "à l\u202eenvers",
    "isolé\u2066ici",
    "ligne\u2028séparée",
    "\ufdd0",
]


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def pointers(answer):
    return [fault["pointer"] for fault in answer.json["errors"]]


def a_draft(**said):
    return {"title": "Pains à moitié prix", "ends_at": "2026-11-24T18:00:00+01:00", **said}


def a_claim(**said):
    facts = {"name": "Chez Léon", "category": "bakery", "latitude": 50.53015, "longitude": 2.64035}
    return {"siret": a_siret(), **facts, **said}


def euros(amount):
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture
def shop(town):
    return town.shop()


@pytest.fixture
def merchant(town, shop):
    return town.merchant(shop)


BODIES = [
    (b"{", 400, "malformed"),
    (b"{'title': 1}", 400, "malformed"),
    (b'{"title": NaN}', 400, "malformed"),
    (b'{"title": Infinity}', 400, "malformed"),
    (b'{"title": "\xff\xfe"}', 400, "malformed"),
    (b'{"title": "\\ud800"}', 400, "malformed"),
    (b'{"title": "a", "title": "b"}', 400, "malformed"),
    (b"[" * 5000 + b"]" * 5000, 400, "malformed"),
    (b'{"quantity": ' + b"9" * 5000 + b"}", 400, "malformed"),
    (b"\xef\xbb\xbf{}", 400, "malformed"),
    (b'{"title": "a"} {"title": "b"}', 400, "malformed"),
    (b"[]", 422, "invalid"),
    (b"null", 422, "invalid"),
    (b"42", 422, "invalid"),
    (b'"texte"', 422, "invalid"),
    (b'{"title": {"un": {"deux": []}}}', 422, "invalid"),
    (b'{"quantity": 99999999999999999999999999}', 422, "invalid"),
    (b'{"' + b"a" * 70_000 + b'": 1}', 413, "too-large"),
]


def test_a_body_that_is_no_offer_is_refused(town, merchant, shop, subtests):
    for body, status, slug in BODIES:
        with subtests.test(body=body, status=status, slug=slug):
            before = town.counts()
            answer = merchant.post(f"/merchant/shops/{shop.id}/offers", data=body, content_type="application/json")
            assert (answer.status_code, slug_of(answer)) == (status, slug)
            assert answer.content_type == "application/problem+json"
            assert town.counts() == before


def test_a_body_of_another_type_is_refused(merchant, shop):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = merchant.post(
            f"/merchant/shops/{shop.id}/offers", data=json.dumps(a_draft()), content_type=content_type
        )
        assert (answer.status_code, slug_of(answer)) == (415, "unsupported-media-type")


OFFERS = [
    ({"title": None}, "/title"),
    ({"title": 12}, "/title"),
    ({"title": ""}, "/title"),
    ({"title": "   "}, "/title"),
    ({"title": "x" * 81}, "/title"),
    ({"description": "x" * 1001}, "/description"),
    ({"description": ["x"]}, "/description"),
    ({"kind": "promo"}, "/kind"),
    ({"kind": ["offer"]}, "/kind"),
    ({"ends_at": "demain"}, "/ends_at"),
    ({"ends_at": 1764000000}, "/ends_at"),
    ({"ends_at": "2026-11-24T18:00:00"}, "/ends_at"),
    ({"ends_at": "2026-11-24"}, "/ends_at"),
    ({"ends_at": "2026-13-45T18:00:00Z"}, "/ends_at"),
    ({"ends_at": "0001-01-01T00:00:00+14:00"}, "/ends_at"),
    ({"ends_at": "9999-12-31T23:59:59-14:00"}, "/ends_at"),
    ({"ends_at": "2026-11-24T09:59:59+01:00"}, "/ends_at"),  # past
    ({"ends_at": "2026-12-09T10:00:00+01:00"}, "/ends_at"),  # more than fourteen days
    ({"starts_at": "2026-11-24T17:00:00Z", "ends_at": "2026-11-24T16:00:00Z"}, "/ends_at"),  # reversed
    ({"starts_at": "2026-11-23T17:00:00Z"}, "/starts_at"),  # past
    ({"price": euros("-1.00")}, "/price/amount"),
    ({"price": euros("1.005")}, "/price/amount"),
    ({"price": euros("1,50")}, "/price/amount"),
    ({"price": euros("1e3")}, "/price/amount"),
    ({"price": euros("١٢")}, "/price/amount"),
    ({"price": euros(4.5)}, "/price/amount"),
    ({"price": euros("1000000.00")}, "/price"),
    ({"price": {"amount": "1.00", "currency": "USD"}}, "/price/currency"),
    ({"price": {"amount": "1.00"}}, "/price/currency"),
    ({"price": {"amount": "1.00", "currency": "EUR", "tva": 1}}, "/price/tva"),
    ({"price": "4.50"}, "/price"),
    ({"reduction": True}, "/price"),
    ({"reduction": True, "price": euros("2.00")}, "/prior_price"),
    ({"reduction": True, "price": euros("2.00"), "prior_price": euros("2.00")}, "/prior_price"),
    ({"prior_price": euros("2.00"), "price": euros("1.00")}, "/prior_price"),
    ({"reduction": "yes"}, "/reduction"),
    ({"reduction": 1}, "/reduction"),
    ({"perishable": None}, "/perishable"),
    ({"quantity": 0}, "/quantity"),
    ({"quantity": -3}, "/quantity"),
    ({"quantity": 1.5}, "/quantity"),
    ({"quantity": "3"}, "/quantity"),
    ({"quantity": True}, "/quantity"),
    ({"quantity": 10**12}, "/quantity"),
    ({"radius": 10**9}, "/radius"),
    ({"radius": 1}, "/radius"),
    ({"inconnu": 1}, "/inconnu"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ({"status": "live"}, "/status"),
    *[({"title": text}, "/title") for text in UNREADABLE_TEXTS],
    ({"description": "avec un\x00nul"}, "/description"),
    ({"description": "à l\u202eenvers"}, "/description"),
]


def test_an_offer_that_breaks_a_rule_names_the_field(town, merchant, shop, subtests):
    for said, pointer in OFFERS:
        with subtests.test(said=said, pointer=pointer):
            before = town.counts()
            answer = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(**said))
            assert (answer.status_code, pointers(answer)) == (422, [pointer])
            assert answer.json["errors"][0]["detail"]
            assert town.counts() == before


def test_every_field_at_fault_is_named_at_once(merchant, shop):
    answer = merchant.post(f"/merchant/shops/{shop.id}/offers", json={"quantity": "3", "rayon": 2})
    assert sorted(pointers(answer)) == ["/ends_at", "/quantity", "/rayon", "/title"]


def test_text_is_kept_word_for_word_and_shown_as_text(town, merchant, shop, subtests):
    for text in HOSTILE_TEXTS:
        with subtests.test(text=text):
            drafted = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(title=text, description=text))
            assert drafted.status_code == 201, drafted.json
            merchant.post(f"/merchant/offers/{drafted.json['id']}/publish")
            public = town.client.get(f"/api/v1/offers/{drafted.json['id']}")
            assert (public.json["title"], public.json["description"]) == (text, text)
            assert public.content_type == "application/json"


def test_a_hostile_word_finds_or_finds_nothing(town, merchant, subtests):
    for text in HOSTILE_TEXTS:
        with subtests.test(text=text):
            for argument in ("q", "category", "commune"):
                answer = town.client.get("/api/v1/shops", query_string={argument: text[:5]})
                assert answer.status_code == 200
            assert town.client.get("/api/v1/communes", query_string={"q": text}).json["items"] == []


CLAIMS = [
    ({"siret": "12345678901234"}, "/siret"),
    ({"siret": "1234"}, "/siret"),
    ({"siret": "'; DROP TABLE"}, "/siret"),
    ({"siret": None}, "/siret"),
    ({"siret": None, "rna": "W12"}, "/rna"),
    ({"category": "tobacco"}, "/category"),
    ({"category": "nothing"}, "/category"),
    ({"latitude": 48.85, "longitude": 2.35}, "/latitude"),
    ({"latitude": 91}, "/latitude"),
    ({"latitude": "50.5"}, "/latitude"),
    ({"longitude": None}, "/longitude"),
    ({"insee_code": "75056"}, "/insee_code"),
    ({"opening_hours": "quand je veux"}, "/opening_hours"),
    ({"website": "javascript:alert(1)"}, "/website"),
    ({"telephone": "<b>"}, "/telephone"),
    ({"name": "avec un\x00nul"}, "/name"),
    ({"street": "à l\u202eenvers"}, "/street"),
    ({"description": "avec un\x00nul"}, "/description"),
    ({"latitude": 1e400}, None),
]


def test_a_claim_that_breaks_a_rule_names_the_field(town, merchant, subtests):
    for said, pointer in CLAIMS:
        with subtests.test(said=said, pointer=pointer):
            town.clock.forward(days=1)  # what is refused counts among the claims of its day
            before = town.counts() | {"paces": None}
            answer = merchant.post("/merchant/shops", json=a_claim(**said))
            if pointer is None:
                assert answer.status_code == 400
            else:
                assert (answer.status_code, pointers(answer)) == (422, [pointer])
            assert town.counts() | {"paces": None} == before


def test_a_shop_may_be_called_anything_readable(town, merchant, subtests):
    for text in HOSTILE_TEXTS:
        with subtests.test(text=text):
            claimed = merchant.post("/merchant/shops", json=a_claim(name=text, description=text, street=text))
            assert claimed.status_code == 201, claimed.json
            assert claimed.json["name"] == text
            address = f"/api/v1/shops/{claimed.json['slug']}"
            assert town.client.get(address).status_code == 404, "nobody has seen it yet"
            with town.sessions.begin() as session:
                shop = session.get_one(Shop, uuid.UUID(claimed.json["id"]))
                shop.status, shop.unproved = ShopStatus.VERIFIED, False
            assert town.client.get(address).json["description"] == text


def a_subscription(**said):
    _, keys = browser_keys()
    encoded = {name: base64.urlsafe_b64encode(getattr(keys, name)).decode().rstrip("=") for name in ("p256dh", "auth")}
    return {"endpoint": "https://updates.push.services.mozilla.com/wpush/v2/abc", "keys": encoded, **said}


OFF_CURVE = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode().rstrip("=")


SUBSCRIPTIONS = [
    ({}, {"p256dh": OFF_CURVE}, "/keys/p256dh"),
    ({}, {"p256dh": "not base64 !"}, "/keys/p256dh"),
    ({}, {"p256dh": ""}, "/keys/p256dh"),
    ({}, {"auth": base64.urlsafe_b64encode(b"abc").decode()}, "/keys/auth"),
    ({}, {"auth": None}, "/keys/auth"),
    ({}, {"autre": "x"}, "/keys/autre"),
    ({"keys": []}, {}, "/keys"),
    ({"endpoint": "http://updates.push.services.mozilla.com/wpush/v2/abc"}, {}, "/endpoint"),
    ({"endpoint": "https://127.0.0.1/x"}, {}, "/endpoint"),
    ({"endpoint": "https://updates.push.services.mozilla.com.evil.example/x"}, {}, "/endpoint"),
    ({"endpoint": "https://user@updates.push.services.mozilla.com/x"}, {}, "/endpoint"),
    ({"endpoint": "x" * 3000}, {}, "/endpoint"),
    ({"endpoint": 5}, {}, "/endpoint"),
    ({"expirationTime": -1}, {}, "/expirationTime"),
    ({"expirationTime": 10**18}, {}, "/expirationTime"),
    ({"expirationTime": 1}, {}, "/expirationTime"),
    ({"expirationTime": "never"}, {}, "/expirationTime"),
]


def test_a_subscription_that_cannot_be_used_names_the_field(town, subtests):
    for said, keys, pointer in SUBSCRIPTIONS:
        with subtests.test(said=said, keys=keys, pointer=pointer):
            citizen = town.citizen()
            subscription = a_subscription(**said)
            if keys:
                subscription["keys"].update(keys)
            before = town.counts()
            answer = citizen.post("/me/devices", json=subscription)
            assert (answer.status_code, pointers(answer)) == (422, [pointer])
            assert town.counts() == before


WISHES = [
    ({"locale": "de"}, "/locale"),
    ({"locale": "français"}, "/locale"),
    ({"time_zone": "Europe/Bethune"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"),
    ({"quiet_from": "24:00"}, "/quiet_from"),
    ({"quiet_from": "8:00"}, "/quiet_from"),
    ({"quiet_until": 900}, "/quiet_until"),
    ({"weekly_budget": 21}, "/weekly_budget"),
    ({"weekly_budget": -1}, "/weekly_budget"),
    ({"daily_budget": 11}, "/daily_budget"),
    ({"digest": "oui"}, "/digest"),
    ({"id": "x"}, "/id"),
    ({"version": 3}, "/version"),
]


def test_a_wish_out_of_bounds_names_the_field(town, subtests):
    for wishes, pointer in WISHES:
        with subtests.test(wishes=wishes, pointer=pointer):
            citizen = town.citizen()
            before = citizen.get("/me").json
            answer = citizen.patch("/me", json=wishes)
            assert (answer.status_code, pointers(answer)) == (422, [pointer])
            assert citizen.get("/me").json == before


CONSENTS = [
    ({"purpose": "marketing"}, "/purpose"),
    ({"granted": "true"}, "/granted"),
    ({"granted": None}, "/granted"),
    ({"text_version": "1999-01"}, "/text_version"),
    ({"text_version": ""}, "/text_version"),
]


def test_a_consent_to_a_text_nobody_showed_is_refused(town, subtests):
    for given, pointer in CONSENTS:
        with subtests.test(given=given, pointer=pointer):
            citizen = town.citizen(consented=False)
            answer_given = {
                "purpose": "notifications",
                "granted": True,
                "text_version": TEXTS[Purpose.NOTIFICATIONS].version,
            }
            before = town.counts()
            answer = citizen.post("/me/consents", json={**answer_given, **given})
            assert (answer.status_code, pointers(answer)) == (422, [pointer])
            assert town.counts() == before


QUERIES = [
    ("/me/feed?limit=0", "/limit"),
    ("/me/feed?limit=101", "/limit"),
    ("/me/feed?limit=dix", "/limit"),
    ("/me/feed?limit=1e1", "/limit"),
    ("/me/feed?limit=5&limit=6", "/limit"),
    ("/me/feed?limit=", "/limit"),
    ("/me/feed?cursor=", "/cursor"),
    ("/me/feed?cursor=%00", "/cursor"),
    ("/me/feed?cursor=AAAA", "/cursor"),
    ("/me/feed?page=2", "/page"),
    ("/me/follows?cursor=bm90IG91cnM", "/cursor"),
    ("/me/deliveries?cursor=%F0%9F%A5%96", "/cursor"),
    ("/me?fields=id", "/fields"),
    ("/communes?cursor=!!", "/cursor"),
    ("/categories?cursor=c25vcGU", "/cursor"),
    ("/shops?open=1", "/open"),
    ("/shops?cursor=aWFiYw", "/cursor"),
]


def test_a_query_argument_that_is_unknown_or_wrong_is_refused(town, subtests):
    for path, pointer in QUERIES:
        with subtests.test(path=path, pointer=pointer):
            answer = town.citizen().get(path)
            assert answer.status_code == 422
            assert pointers(answer)[0] == pointer


NAMES = ["/shops/" + "a" * 300, "/shops/%00", "/shops/..%2f", "/offers/1", "/offers/%00"]


def test_a_name_that_can_be_nobody_s_is_absent(town, subtests):
    for path in NAMES:
        with subtests.test(path=path):
            answer = town.client.get("/api/v1" + path)
            assert answer.status_code == 404
            assert slug_of(answer) == "not-found"


def test_an_idempotency_key_that_cannot_be_kept_is_refused(town, merchant, shop):
    for key in ("", "x" * 201, "clé", "a\tb"):
        answer = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(), headers={"Idempotency-Key": key})
        assert answer.status_code == 422, key
    assert town.client.post("/api/v1/citizens", headers={"Idempotency-Key": "short"}).status_code == 422


def test_a_key_without_the_scope_is_told_which(town, shop):
    reader = town.merchant(shop, scopes=(Scope.READ,))
    answer = reader.post(f"/merchant/shops/{shop.id}/offers", json=a_draft())
    assert (answer.status_code, slug_of(answer)) == (403, "scope-missing")
    assert "offers" in answer.json["detail"]
