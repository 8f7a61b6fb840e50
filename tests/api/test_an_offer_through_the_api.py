"""An offer from its draft to its end, with the habits a careful client relies on."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from citylife.ledger.tables import Message
from citylife.offers import Offer


def a_draft(**said):
    return {"title": "Pains à moitié prix", "ends_at": "2026-11-24T18:00:00+01:00", **said}


def test_an_offer_is_drafted_corrected_published_and_read_by_everyone(town):
    shop = town.shop("Chez Léon")
    merchant = town.merchant(shop)

    drafted = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft())
    assert drafted.status_code == 201
    offer = drafted.json
    path = f"/merchant/offers/{offer['id']}"
    assert drafted.headers["Location"] == f"/api/v1{path}"
    assert (offer["status"], offer["version"]) == ("draft", 1)
    assert town.client.get(f"/api/v1/offers/{offer['id']}").status_code == 404

    read = merchant.get(path)
    assert read.json == offer
    assert read.headers["ETag"] == drafted.headers["ETag"]
    assert merchant.get(path, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304

    changed = merchant.patch(path, json={"title": "Pains à un euro"}, headers={"If-Match": read.headers["ETag"]})
    assert (changed.status_code, changed.json["title"]) == (200, "Pains à un euro")
    lost = merchant.patch(path, json={"title": "Autre"}, headers={"If-Match": read.headers["ETag"]})
    assert (lost.status_code, lost.json["type"].rpartition("/")[2]) == (412, "changed-meanwhile")
    assert merchant.patch(path, json={"title": "Autre"}).status_code == 428

    assert town.doorbell.rung == 0
    published = merchant.post(f"{path}/publish")
    assert (published.status_code, published.json["status"]) == (200, "live")
    assert town.doorbell.rung == 1

    public = town.client.get(f"/api/v1/offers/{offer['id']}")
    assert public.json["title"] == "Pains à un euro"
    assert public.json["shop"]["slug"] == shop.slug
    assert public.json["sold_out_at"] is None
    again = town.client.get(f"/api/v1/offers/{offer['id']}", headers={"If-None-Match": public.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    listed = town.client.get(f"/api/v1/shops/{shop.slug}/offers")
    assert listed.json == {"items": [public.json], "next_cursor": None}


def test_sold_out_is_said_and_can_be_undone_for_ten_seconds(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    offer_id = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft()).json["id"]
    path = f"/merchant/offers/{offer_id}"
    merchant.post(f"{path}/publish")

    gone = merchant.post(f"{path}/sold-out")
    assert (gone.status_code, gone.json["status"]) == (200, "sold-out")
    assert town.client.get(f"/api/v1/offers/{offer_id}").json["sold_out_at"] is not None
    town.clock.forward(seconds=9)
    back = merchant.post(f"{path}/sold-out/undo")
    assert (back.status_code, back.json["status"]) == (200, "live")
    assert town.client.get(f"/api/v1/offers/{offer_id}").json["sold_out_at"] is None
    merchant.post(f"{path}/sold-out")
    town.clock.forward(seconds=11)
    late = merchant.post(f"{path}/sold-out/undo")
    assert (late.status_code, late.json["type"].rpartition("/")[2]) == (409, "undo-too-late")
    assert town.doorbell.rung == 4


def test_a_scheduled_offer_waits_and_a_withdrawn_one_is_gone(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    offer_id = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft()).json["id"]
    path = f"/merchant/offers/{offer_id}"

    waiting = merchant.post(f"{path}/schedule", json={"starts_at": "2026-11-24T12:00:00+01:00"})
    assert (waiting.status_code, waiting.json["status"]) == (200, "scheduled")
    assert waiting.json["starts_at"] == "2026-11-24T11:00:00+00:00"
    merchant.post(f"{path}/publish")
    etag = merchant.get(path).headers["ETag"]
    assert merchant.delete(path, headers={"If-Match": '"autre"'}).status_code == 412
    assert merchant.delete(path, headers={"If-Match": etag}).status_code == 204
    assert town.client.get(f"/api/v1/offers/{offer_id}").status_code == 404
    assert merchant.get(path).json["status"] == "withdrawn"


def test_of_fifty_writers_with_one_etag_one_wins(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    made = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft())
    path = f"/merchant/offers/{made.json['id']}"
    condition = {"If-Match": made.headers["ETag"]}

    def write(number):
        return merchant.patch(path, json={"title": f"Écrit par {number}"}, headers=condition)

    with ThreadPoolExecutor(max_workers=12) as pool:
        answers = list(pool.map(write, range(50)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} == {200, 412}
    read = merchant.get(path).json
    assert (read["title"], read["version"]) == (won[0].json["title"], 2)


def test_fifty_equal_posts_with_one_key_make_one_offer(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    condition = {"Idempotency-Key": str(uuid.uuid4())}

    def post(_):
        return merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(), headers=condition)

    with ThreadPoolExecutor(max_workers=12) as pool:
        answers = list(pool.map(post, range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.data for answer in made}) == 1
    first = [answer for answer in made if "Idempotency-Replayed" not in answer.headers]
    assert len(first) == 1
    replayed = post(0)
    assert replayed.status_code == 201
    assert replayed.data == first[0].data
    assert replayed.headers["Location"] == first[0].headers["Location"]
    assert replayed.headers["ETag"] == first[0].headers["ETag"]
    assert replayed.headers["Idempotency-Replayed"] == "true"
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Offer)) == 1


def test_publishing_twice_with_one_key_announces_once(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    offer_id = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft()).json["id"]
    condition = {"Idempotency-Key": "publier-1"}
    first = merchant.post(f"/merchant/offers/{offer_id}/publish", headers=condition)
    second = merchant.post(f"/merchant/offers/{offer_id}/publish", headers=condition)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.data == second.data
    assert merchant.post(f"/merchant/offers/{offer_id}/publish").status_code == 409
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1
    assert town.doorbell.rung == 1


def test_a_replay_answers_what_was_answered_even_when_the_thing_has_changed(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    condition = {"Idempotency-Key": "créer".encode("ascii", "ignore").decode() + "-1"}
    first = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(), headers=condition)
    merchant.post(f"/merchant/offers/{first.json['id']}/publish")
    again = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(), headers=condition)
    assert again.data == first.data
    other = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(title="Autre"), headers=condition)
    assert (other.status_code, other.json["type"].rpartition("/")[2]) == (422, "idempotency-key-reused")
    town.clock.forward(days=1, seconds=1)
    anew = a_draft(ends_at="2026-11-30T18:00:00+01:00")
    forgotten = merchant.post(f"/merchant/shops/{shop.id}/offers", json=anew, headers=condition)
    assert forgotten.status_code == 201
    assert forgotten.json["id"] != first.json["id"]


def test_a_refused_request_keeps_no_answer(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    condition = {"Idempotency-Key": "une-fois"}
    before = town.counts()
    refused = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(title=""), headers=condition)
    assert refused.status_code == 422
    assert town.counts() == before
    accepted = merchant.post(f"/merchant/shops/{shop.id}/offers", json=a_draft(), headers=condition)
    assert accepted.status_code == 201
