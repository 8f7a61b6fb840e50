"""The habits that hold for every address: problems, languages, headers, absence, cursors, and who may ask."""

import datetime as dt
import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from citylife.accounts.merchants import Role, Scope
from citylife.accounts.staff import StaffRole
from citylife.shops import ShopStatus
from tests.builders import a_citizen, a_follow, a_recurring_offer, an_offer

NEVER_KEPT = {"/api/v1/me/places", "/api/v1/me/near-me-now", "/api/v1/nearby"}
ONCE_BY_THEMSELVES = {f"/api/v1/passkeys{part}" for part in ("", "/options", "/sign-in", "/sign-in/options")}
"""POSTs of a ceremony, whose challenge is good once; a secret of it would have to be kept."""
"""POSTs that may carry a point: to know the same request again, something of it would have to be kept."""
CREATES_NOTHING = {
    "/api/v1/merchant/shops/{shop_id}/audience",
    "/api/v1/merchant/proposals/addresses",
    "/api/v1/merchant/proposals/company",
}
"""POSTs that only ask, and take a body because it is long."""
PRIVATE = tuple(f"/api/v1/{name}" for name in ("me", "merchant", "staff", "sessions", "passkeys", "pilot/reports/{"))
NOBODY = "01936f00-0000-7000-8000-000000000000"


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def without(answer, *names):
    """An answer, to be compared with another's: its status, its body and its headers, less what was asked for."""
    text = answer.text
    for name in names:
        text = text.replace(str(name), "…")
    return answer.status_code, text, sorted((k, v) for k, v in answer.headers if k != "Content-Length")


def asked_by(town, *shops):
    """Who may ask for an address: a key, a merchant or a member of staff signed in, a citizen."""
    by_key, signed_in, staff = town.merchant(*shops), town.merchant_session(*shops), town.staff(StaffRole.ADMINISTER)
    citizen = town.citizen()

    def caller(path):
        if "/staff/" in path:
            return staff
        themselves = ("/api/v1/merchant/keys", "/api/v1/sessions", "/api/v1/passkeys")
        if "/team" in path or path.endswith("/journal") or path.startswith(themselves):
            return signed_in
        return by_key if "/merchant/" in path else citizen

    return caller


def test_a_problem_speaks_the_caller_s_language(town):
    for accepted, language, title in (
        (None, "fr", "Introuvable"),
        ("en", "en", "Not found"),
        ("en-US,en;q=0.9,fr;q=0.1", "en", "Not found"),
        ("de,nl;q=0.8", "fr", "Introuvable"),
        ("de, en;q=0.5", "en", "Not found"),
        ("en;q=0, fr", "fr", "Introuvable"),
        ("x" * 5000, "fr", "Introuvable"),
        (";;;,=q", "fr", "Introuvable"),
    ):
        headers = {} if accepted is None else {"Accept-Language": accepted}
        answer = town.client.get("/api/v1/nowhere", headers=headers)
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"
        assert answer.headers["Content-Language"] == language
        assert "Accept-Language" in answer.headers["Vary"]
        assert answer.json == {
            "type": "http://localhost:8000/problems/not-found",
            "title": title,
            "status": 404,
            "detail": answer.json["detail"],
            "instance": "/api/v1/nowhere",
        }


def test_a_refusal_of_the_domain_and_a_fault_of_a_field_are_translated(town):
    citizen = town.citizen()
    english = citizen.patch("/me", json={"weekly_budget": 99, "extra": 1}, headers={"Accept-Language": "en"})
    assert {fault["pointer"]: fault["detail"] for fault in english.json["errors"]} == {
        "/weekly_budget": "A value from 0 to 20 is expected.",
        "/extra": "This field is unknown.",
    }
    zone = citizen.patch("/me", json={"time_zone": "Europe/Nowhere"}, headers={"Accept-Language": "en"})
    french = citizen.patch("/me", json={"time_zone": "Europe/Nowhere"})
    assert zone.json["errors"][0]["detail"] != french.json["errors"][0]["detail"]


def test_the_page_of_a_problem_says_what_it_means(town):
    problem = town.client.get("/api/v1/me").json
    page = town.client.get(problem["type"].removeprefix("http://localhost:8000"))
    assert page.json["title"] == problem["title"]
    shown = town.client.get("/problems/sign-in-needed", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert "<h1>Sign-in needed</h1>" in shown.text
    assert town.client.get("/problems/nothing-of-the-kind").status_code == 404


def test_a_method_that_is_not_there_is_refused_with_those_that_are(town):
    answer = town.client.put("/api/v1/communes")
    assert (answer.status_code, slug_of(answer)) == (405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]


def test_another_s_thing_is_answered_exactly_as_an_absent_one(town):
    mine, theirs = town.shop(), town.shop()
    merchant = town.merchant(mine)
    with town.sessions.begin() as session:
        offer = an_offer(session, theirs, now=town.clock())
        recurring = a_recurring_offer(session, theirs, now=town.clock())
    body = {"title": "x", "ends_at": "2026-11-24T18:00:00Z"}
    for method, path, thing, options in (
        ("get", "/merchant/shops/{}", theirs.id, {}),
        ("patch", "/merchant/shops/{}", theirs.id, {"json": {}, "headers": {"If-Match": "*"}}),
        ("get", "/merchant/shops/{}/offers", theirs.id, {}),
        ("post", "/merchant/shops/{}/offers", theirs.id, {"json": body}),
        ("get", "/merchant/offers/{}", offer.id, {}),
        ("patch", "/merchant/offers/{}", offer.id, {"json": {}, "headers": {"If-Match": "*"}}),
        ("delete", "/merchant/offers/{}", offer.id, {"headers": {"If-Match": "*"}}),
        ("post", "/merchant/offers/{}/publish", offer.id, {}),
        ("post", "/merchant/offers/{}/schedule", offer.id, {"json": {"starts_at": "2026-11-24T12:00:00Z"}}),
        ("post", "/merchant/offers/{}/withdraw", offer.id, {}),
        ("post", "/merchant/offers/{}/sold-out", offer.id, {}),
        ("post", "/merchant/offers/{}/sold-out/undo", offer.id, {}),
        ("get", "/merchant/recurring-offers/{}", recurring.id, {}),
        ("post", "/merchant/recurring-offers/{}/skip", recurring.id, {"json": {"day": "2026-11-26"}}),
    ):
        absent = getattr(merchant, method)(path.format(NOBODY), **options)
        another = getattr(merchant, method)(path.format(thing), **options)
        assert absent.status_code == 404, (method, path, absent.text)
        assert without(another, thing) == without(absent, NOBODY)


def test_what_is_not_public_is_answered_exactly_as_absent(town):
    suspended, shop = town.shop(status=ShopStatus.SUSPENDED), town.shop()
    merchant = town.merchant(shop)
    ends_at = (town.clock() + dt.timedelta(hours=5)).isoformat()
    drafted = merchant.post(f"/merchant/shops/{shop.id}/offers", json={"title": "Secret", "ends_at": ends_at}).json[
        "id"
    ]
    absent = town.client.get("/api/v1/shops/rien-du-tout")
    hidden = town.client.get(f"/api/v1/shops/{suspended.slug}")
    assert without(hidden, suspended.slug) == without(absent, "rien-du-tout")
    assert without(town.client.get(f"/api/v1/offers/{drafted}"), drafted) == without(
        town.client.get(f"/api/v1/offers/{NOBODY}"), NOBODY
    )


def test_a_seller_posts_offers_and_only_an_owner_changes_the_shop(town):
    shop = town.shop()
    seller = town.merchant(shop, role=Role.SELLER)
    owner = town.merchant(shop)
    path, street = f"/merchant/shops/{shop.id}", {"street": "1 rue Sadi-Carnot"}
    etag = owner.get(path).headers["ETag"]
    assert seller.get(f"/merchant/shops/{shop.id}").headers["ETag"] == etag
    refused = seller.patch(f"/merchant/shops/{shop.id}", json=street, headers={"If-Match": etag})
    assert (refused.status_code, slug_of(refused)) == (403, "owners-only")
    changed = owner.patch(f"/merchant/shops/{shop.id}", json=street, headers={"If-Match": etag})
    assert (changed.status_code, changed.json["street"]) == (200, "1 rue Sadi-Carnot")
    lost = owner.patch(f"/merchant/shops/{shop.id}", json={"street": "2"}, headers={"If-Match": etag})
    assert lost.status_code == 412
    assert owner.patch(f"/merchant/shops/{shop.id}", json={"street": "2"}).status_code == 428
    for condition in ("*", changed.headers["ETag"]):
        again = owner.patch(f"/merchant/shops/{shop.id}", json={"street": "3"}, headers={"If-Match": condition})
        assert again.status_code == (200 if condition == "*" else 412)
    weak = "W/" + owner.get(f"/merchant/shops/{shop.id}").headers["ETag"]
    assert (
        owner.patch(f"/merchant/shops/{shop.id}", json={"street": "4"}, headers={"If-Match": weak}).status_code == 412
    )


def test_a_scope_opens_what_it_names(town):
    shop = town.shop()
    ends_at = (town.clock() + dt.timedelta(hours=5)).isoformat()
    calls = {
        Scope.READ: lambda merchant: merchant.get(f"/merchant/shops/{shop.id}"),
        Scope.OFFERS: lambda merchant: merchant.post(
            f"/merchant/shops/{shop.id}/offers", json={"title": "x", "ends_at": ends_at}
        ),
        Scope.SHOP: lambda merchant: merchant.patch(f"/merchant/shops/{shop.id}", json={}, headers={"If-Match": "*"}),
    }
    for scope in Scope:
        merchant = town.merchant(shop, scopes=(scope,))
        for wanted, call in calls.items():
            assert (call(merchant).status_code == 403) == (wanted is not scope), (scope, wanted)


def test_every_reading_has_an_etag_and_answers_304(town):
    shop = town.shop("Chez Léon", open_until="19:00")
    who = asked_by(town, shop)
    with town.sessions.begin() as session:
        offer = an_offer(session, shop, now=town.clock())
        recurring = a_recurring_offer(session, shop, now=town.clock())
    who("/me").put(f"/me/follows/{shop.id}")
    receipt = town.citizen().delete("/me").json["id"]
    filled = {"shop_id": shop.id, "offer_id": offer.id, "slug": shop.slug, "receipt_id": receipt}
    filled["recurring_id"] = recurring.id
    awaited = town.shop(status=ShopStatus.LISTED)
    with town.sessions.begin() as session:
        for _ in range(11):
            a_follow(session, a_citizen(session), awaited)
    filled["awaited_id"] = awaited.id
    document = town.client.get("/api/openapi.json").json
    read = 0
    for path, item in document["paths"].items():
        if "get" not in item:
            continue
        caller = who(path)
        short = path.format(**filled).removeprefix("/api/v1")
        first = caller.get(short)
        assert first.status_code == 200, (path, first.text)
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"].startswith("private" if "security" in item["get"] else "public")
        for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = caller.get(short, headers={"If-None-Match": condition})
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag), path
        assert caller.get(short, headers={"If-None-Match": '"other"'}).status_code == 200
        head = caller.head(short)
        assert (head.status_code, head.headers["ETag"], head.data) == (200, tag, b"")
        read += 1
    assert read >= 15


CHANGED = ("/merchant/shops/{shop_id}", "/{offer_id}", "/{recurring_id}")
"""What only whoever has read it may change."""


def test_the_document_is_openapi_3_1_and_names_every_address(town):
    document = town.client.get("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    ours = {
        (method.lower(), rule.rule.replace("<uuid:", "{").replace("<slug:", "{").replace("<", "{").replace(">", "}"))
        for rule in town.app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/api/v1/") and method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    written = {(method, path) for path, item in document["paths"].items() for method in item if method != "parameters"}
    assert written == ours
    assert len(ours) >= 35
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            assert operation["summary"], (method, path)
            secured = path.startswith(PRIVATE) and "/sign-in" not in path
            assert ("security" in operation) == secured, (method, path)
            assert "default" in operation["responses"]
            headers = {
                parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"
            }
            assert ("If-None-Match" in headers) == (method == "get")
            keeps = method == "post" and path not in NEVER_KEPT | CREATES_NOTHING | ONCE_BY_THEMSELVES
            assert ("Idempotency-Key" in headers) == keeps, (method, path)
            changes = method in {"patch", "delete"} and path.endswith(CHANGED)
            assert ("If-Match" in headers) == changes, (method, path)


def test_the_docs_are_a_page_of_ours_that_loads_nothing_from_elsewhere(town):
    page = town.client.get("/api/docs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.content_type.startswith("text/html")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    loaded = re.findall(r"""\s(?:src|srcset|href|action|poster|data)=["']([^"']*)""", page.text)
    elsewhere = [target for target in loaded if "//" in target and not target.startswith("http://localhost:8000/")]
    assert (len(loaded) > 50, elsewhere) == (True, [])
    assert "<script" not in page.text
    assert " style=" not in page.text
    document = town.client.get("/api/openapi.json").json
    for path in document["paths"]:
        assert path in page.text
    for name in document["components"]["schemas"]:
        assert f'id="object-{name}"' in page.text


def test_an_unknown_argument_is_refused_by_every_address(town):
    shop = town.shop()
    who = asked_by(town, shop)
    with town.sessions.begin() as session:
        offer = an_offer(session, shop, now=town.clock())
    filled = {"shop_id": shop.id, "offer_id": offer.id, "slug": shop.slug, "device_id": NOBODY, "receipt_id": NOBODY}
    others = ("session_id", "key_id", "member_id", "report_id", "awaited_id", "place_id", "passkey_id", "recurring_id")
    others = (*others, "target_id", "period")
    filled |= dict.fromkeys(others, NOBODY)
    before = town.counts()
    for path, item in town.client.get("/api/openapi.json").json["paths"].items():
        for method in item:
            if method == "parameters":
                continue
            caller = who(path)
            short = path.format(**filled).removeprefix("/api/v1")
            answer = getattr(caller, method)(f"{short}?surprise=1")
            assert answer.status_code == 422, (method, path, answer.text)
            assert "/surprise" in [fault["pointer"] for fault in answer.json["errors"]]
    assert town.counts() == before


def test_lists_page_without_skipping_or_repeating(town):
    merchant = town.merchant(*[town.shop(f"Commerce {number}") for number in range(5)])
    for path, least in (
        ("/communes?limit=7", 100),
        ("/categories?limit=4", 20),
        ("/shops?limit=2", 5),
        ("/merchant/shops?limit=2", 5),
    ):
        whole = merchant.get(path.partition("?")[0] + "?limit=100").json["items"]
        assert len(whole) >= least
        paged, following = [], path
        while following:
            answer = merchant.get(following)
            paged += answer.json["items"]
            link = answer.headers.get("Link")
            assert (link is None) == (answer.json["next_cursor"] is None)
            following = link and link[1:].partition(">")[0].removeprefix("/api/v1")
        assert paged == whole


def test_a_communes_name_is_found_without_its_accents(town):
    found = town.client.get("/api/v1/communes?q=bethune").json["items"]
    assert "Béthune" in [commune["name"] for commune in found]
    assert {commune["insee_code"] for commune in town.client.get("/api/v1/communes?q=62400").json["items"]} >= {"62119"}


def test_categories_are_named_in_the_caller_s_language(town):
    french, english = (
        town.client.get("/api/v1/categories?limit=100", headers={"Accept-Language": language})
        for language in ("fr", "en")
    )
    assert [item["key"] for item in french.json["items"]] == [item["key"] for item in english.json["items"]]
    assert french.json["items"][0]["name"] == "Boulangerie, pâtisserie"
    assert english.json["items"][0]["name"] != french.json["items"][0]["name"]
    assert (french.headers["Content-Language"], english.headers["Content-Language"]) == ("fr", "en")


def test_a_shop_is_found_and_says_whether_it_is_open(town):
    shop = town.shop("Chez Léon", open_until="19:00")
    town.shop("Fleurs du beffroi", category="florist")
    found = town.client.get("/api/v1/shops?q=leon&category=bakery&commune=62119").json["items"]
    assert [item["id"] for item in found] == [str(shop.id)]
    assert found[0]["opening"] == {"is_open": True, "next_change": "2026-11-24T18:00:00+00:00", "comment": ""}
    assert found[0]["commune"] == {"insee_code": "62119", "name": "Béthune"}
    town.clock.forward(hours=10)
    assert town.client.get(f"/api/v1/shops/{shop.slug}").json["opening"]["is_open"] is False
    assert town.client.get("/api/v1/shops?category=pets").json["items"] == []


def test_a_claim_matches_a_listed_shop_instead_of_making_another(town):
    listed = town.shop("Chez Léon", status=ShopStatus.LISTED)
    merchant = town.merchant()
    claim = {"siret": "73282932000074", "name": "CHEZ LEON", "category": "bakery"}
    where = {"latitude": listed.latitude, "longitude": listed.longitude}
    answer = merchant.post("/merchant/shops", json={**claim, **where})
    assert (answer.status_code, answer.json["id"], answer.json["status"]) == (201, str(listed.id), "claimed")
    assert merchant.get(answer.headers["Location"].removeprefix("/api/v1")).json == answer.json
    drafted = merchant.post(
        f"/merchant/shops/{listed.id}/offers", json={"title": "x", "ends_at": "2026-11-24T18:00:00Z"}
    )
    refused = merchant.post(f"/merchant/offers/{drafted.json['id']}/publish")
    assert (refused.status_code, slug_of(refused)) == (409, "shop-not-verified")


def test_offers_of_every_state_are_listed_for_the_team(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    with town.sessions.begin() as session:
        an_offer(session, shop, now=town.clock())
    merchant.post(f"/merchant/shops/{shop.id}/offers", json={"title": "x", "ends_at": "2026-11-24T18:00:00Z"})
    statuses = [offer["status"] for offer in merchant.get(f"/merchant/shops/{shop.id}/offers").json["items"]]
    assert sorted(statuses) == ["draft", "live"]
    only = merchant.get(f"/merchant/shops/{shop.id}/offers?status=draft").json["items"]
    assert [offer["status"] for offer in only] == ["draft"]


def test_an_announcement_names_the_changed_shop_in_every_offer_that_can_be_read(town):
    shop = town.shop("Chez Léon")
    merchant = town.merchant(shop)
    with town.sessions.begin() as session:
        offer = an_offer(session, shop, now=town.clock())
    before = town.client.get(f"/api/v1/offers/{offer.id}")
    merchant.patch(f"/merchant/shops/{shop.id}", json={"name": "Chez Léontine"}, headers={"If-Match": "*"})
    after = town.client.get(f"/api/v1/offers/{offer.id}", headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.json["shop"]["name"]) == (200, "Chez Léontine")
