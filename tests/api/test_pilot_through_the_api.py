"""The pilot through the API: what everybody reads, and the targets that two of staff fix."""

from citylife.accounts.staff import StaffRole
from tests import builders


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def test_a_target_takes_two_of_staff(town):
    one, other = town.staff(StaffRole.ADMINISTER), town.staff(StaffRole.ADMINISTER)
    said = {"measure": "till-uses", "since": "2027-01", "value": 40, "reason": "Un par jour"}
    assert slug_of(one.post("/staff/pilot/targets", json={**said, "measure": "opened"})) == "target-refused"
    assert slug_of(one.post("/staff/pilot/targets", json={**said, "since": "2026-01"})) == "target-refused"
    made = one.post("/staff/pilot/targets", json=said)
    assert made.status_code == 201
    assert (made.json["version"], made.json["evidence"], made.json["approved_at"]) == (1, "A", None)
    address = f"/staff/pilot/targets/{made.json['id']}/approve"
    assert slug_of(one.post(address)) == "own-target"
    approved = other.post(address)
    assert approved.json["approved_by"] != approved.json["proposed_by"]
    assert slug_of(other.post(address)) == "target-settled"
    one.post("/staff/pilot/targets", json=said)
    listed = one.get("/staff/pilot/targets?measure=till-uses&limit=1").json
    assert [each["version"] for each in listed["items"]] == [2]
    rest = one.get(f"/staff/pilot/targets?limit=1&cursor={listed['next_cursor']}").json
    assert ([each["version"] for each in rest["items"]], rest["next_cursor"]) == ([1], None)


def test_reports_are_read_by_everybody_and_sent_again_by_who_administers(town):
    with town.sessions.begin() as session:
        week = builders.a_frozen_week(session, now=town.clock())
    (report,) = town.client.get("/api/v1/pilot/reports").json["items"]
    assert (report["period"], report["version"], report["number"]) == (week, 1, 1)
    assert "rows" not in report
    assert all(("value" in figure) != ("hidden" in figure) for figure in report["figures"])
    measures = {measure["key"]: measure for measure in report["measures"]}
    assert measures.keys() == {figure["key"] for figure in report["figures"]}
    assert (measures["till-uses"]["unit"], measures["till-uses"]["evidence"]) == ("uses", "A")
    assert measures["till-uses"]["formula"].startswith("codes utilisés à une caisse")
    english = town.client.get("/api/v1/pilot/reports", headers={"Accept-Language": "en"})
    assert "Accept-Language" in english.headers["Vary"]
    assert english.json["items"][0]["measures"][0]["name"] == "Citizens who follow a shop"
    staff = town.staff(StaffRole.ADMINISTER)
    assert slug_of(staff.post(f"/pilot/reports/{week}/send")) == "report-on-its-way"
    assert staff.post("/pilot/reports/2031-W01/send").status_code == 404
    assert staff.post("/pilot/reports/%00/send").status_code == 404
