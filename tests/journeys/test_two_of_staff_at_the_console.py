"""Two of staff through the whole console in a real Chromium, each by a passkey of her own, on a desk and on a phone.

Ana administers and invites Lou, who moderates. They verify a shop, withdraw an offer and judge its appeal, stop and
resume all sending; they read the measures, fix a target, write a cost, and see a report refused and sent again to a
broker as strict as the real ones. Every page is judged by axe, by day and by night, as wide as a desk and as a phone.
"""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.staff import StaffRole
from citylife.audit import Actor
from citylife.geography import communes
from citylife.letters import Letter, LetterKind
from citylife.pilot.freezing import freeze
from citylife.pilot.periods import read_period
from citylife.pilot.targets import approve_target, propose_target
from citylife.reports import Wrong, report_offer
from citylife.shops import ShopStatus
from citylife.shops.preparing import prepare_hours
from notifications.cluster import Courier, HttpCluster
from tests import builders
from tests.browser.chromium import Chromium
from tests.doubles.context_broker import TOKEN, PlayedBroker, Trouble, a_context_broker
from tests.doubles.map_tiles import MapTiles
from tests.pages.conftest import StandingClock
from tests.pages.counter import CAMILLE
from tests.pages.counter import COOKIE as MERCHANT_COOKIE
from tests.pages.test_passkeys_in_chromium import a_device
from tests.pilot.history import write_history

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
ANA, LOU = "ana@cluster.example", "lou@cluster.example"
WEEKS: Final = tuple(read_period(f"2026-W{week}") for week in (45, 46, 47))
MONTH: Final = read_period("2026-10")
AIM: Final = 150
DESK: Final = (1280, 860)
PHONE: Final = (360, 740)
TOWNS: Final = {"62119": 9, "62178": 7, "62516": 5, "62048": 4, "62617": 3}
"""So many shops more in some communes, that a map has something to tell."""


@dataclass
class Console:
    """A served Citylife whose reports go to a broker, with a Chromium for each of the two."""

    url: str
    chromium: Chromium
    sessions: Sessions
    broker: PlayedBroker
    courier: Courier

    def judge(self, page: Page) -> None:
        """The page bars nobody by day or by night, on a desk or on a phone, and fits both."""
        for size, scheme in ((PHONE, "dark"), (DESK, "light")):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=scheme)
            assert self.chromium.barriers(page) == [], (page.url, size, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, size)

    def letter_of(self, kind: LetterKind) -> dict[str, Any]:
        """What the only letter of a kind says."""
        with self.sessions() as session:
            return dict(session.scalars(select(Letter.content).where(Letter.kind == kind)).one())

    def known(self, page: Page, cookie: str, token: str) -> None:
        secure = self.url.replace("http:", "https:")
        page.context.add_cookies([{"name": cookie, "value": token, "url": secure, "secure": True}])


@pytest.fixture
def console(serve: Callable[..., Any], clock: StandingClock, street: Sessions, chromium: Chromium) -> Iterator[Console]:
    """A town with a month and three weeks frozen, a target, a shop that waits and an offer that was reported."""
    people_the_town(street, clock)
    with a_context_broker() as broker, MapTiles() as tiles:
        broker.clock = clock
        courier = Courier(street.kw["bind"], HttpCluster(broker.url, TOKEN), clock=clock)
        with serve(clock, cluster_url=broker.url, cluster_token=TOKEN, map_tiles=tiles.url) as url:
            yield Console(url, chromium, street, broker, courier)


def people_the_town(street: Sessions, clock: StandingClock) -> None:
    before = MONTH.begins - dt.timedelta(days=9)
    with street.begin() as session:
        for insee_code, shops in TOWNS.items():
            centre = communes()[insee_code].latitude, communes()[insee_code].longitude
            for _ in range(shops):
                builders.a_shop(session, insee_code=insee_code, position=centre, now=before)
        write_history(session, seed=5, first=WEEKS[0].begins, days=21, citizens=40, shops=8, offers=40)
        ana = builders.a_staff_member(session, StaffRole.ADMINISTER, ANA)
        target = propose_target(
            session,
            "deliveries-accepted",
            since=str(WEEKS[1]),
            value=AIM,
            reason="Dix par jour et par quartier",
            staff_id=builders.new_id(),
            now=before,
        )
        approve_target(session, target.id, staff_id=ana.id, now=before)
    for period in (MONTH, *WEEKS):
        with street.begin() as session:
            counting = builders.a_counted_period(session, period, now=period.ends)
            freeze(session, counting, revision="0a1b2c3", actor=Actor.SYSTEM, now=period.ends)
    with street.begin() as session:
        camille = builders.a_merchant(session, CAMILLE)
        waiting = builders.a_shop(session, "Le Fournil", status=ShopStatus.CLAIMED, merchant=camille)
        prepare_hours(session, waiting, "Tu-Sa 07:00-13:00,15:00-19:00")
        offer = builders.an_offer(session, builders.a_shop(session, "La Cave", merchant=camille), title="Cidre")
        report_offer(session, offer, Wrong.MISLEADING, detail="Le prix est faux.", now=clock())


def test_two_of_staff_through_their_console(console: Console):
    ana = comes_by_a_letter(console)
    lou = is_invited(console, ana)
    verifies(console, lou)
    report = withdraws(console, lou)
    is_contested(console)
    another_decides(console, ana, lou, report)
    stops_and_resumes(console, ana)
    reads_the_measures(console, lou)
    reads_the_map(console, lou)
    compares_weeks(console, lou)
    proposes_and_the_other_approves(console, lou, ana)
    writes_a_cost(console, ana)
    takes_a_report_away(console, lou)
    sends_again(console, ana)
    reads_on(console, ana)
    for page in (ana, lou):
        assert [said for said in console.chromium.complaints(page) if "422" not in said] == []
        console.chromium.close(page)


def comes_by_a_letter(console: Console) -> Page:
    """Ana comes by a letter, makes her passkey, and uses it."""
    page = console.chromium.open(f"{console.url}/console")
    a_device(page)
    expect(page.get_by_label("pour l’équipe du cluster")).to_be_checked()
    page.get_by_label("Votre adresse électronique").fill(ANA)
    page.get_by_role("button", name="Recevoir un lien").click()
    expect(page.get_by_role("heading", name="Regardez votre courrier")).to_be_visible()
    page.get_by_label("Code à six chiffres").fill(console.letter_of(LetterKind.SIGN_IN)["code"])
    page.get_by_role("button", name="Se connecter", exact=True).click()
    makes_a_passkey(console, page)
    return page


def makes_a_passkey(console: Console, page: Page) -> None:
    expect(page.get_by_role("heading", name="Créez la vôtre")).to_be_visible()
    console.judge(page)
    page.get_by_role("button", name="Créer une clé d’accès").click()
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_role("heading", name="Aujourd’hui", exact=True)).to_be_visible()
    console.judge(page)


def is_invited(console: Console, ana: Page) -> Page:
    """Ana invites Lou to moderate; Lou follows the link of her letter on a device of her own."""
    ana.get_by_role("link", name="Équipe").click()
    ana.get_by_label("Son adresse e-mail").fill(LOU)
    ana.get_by_role("radio", name=re.compile("Modération")).check()
    console.judge(ana)
    ana.get_by_role("button", name="Envoyer l’invitation").click()
    expect(ana.get_by_role("heading", name=LOU)).to_be_visible()
    token = console.letter_of(LetterKind.STAFF_INVITED)["token"]
    page = console.chromium.open(f"{console.url}/connexion/lien/{token}")
    a_device(page)
    page.get_by_role("button", name="Se connecter", exact=True).click()
    makes_a_passkey(console, page)
    return page


def verifies(console: Console, page: Page) -> None:
    """A visit proves whose the shop is: from the queue by its SIRET and the map to the proof."""
    page.get_by_role("link", name=re.compile("Commerces à vérifier")).click()
    expect(page.get_by_role("heading", name="Commerces", exact=True)).to_be_visible()
    console.judge(page)
    page.get_by_role("link", name="Le Fournil").click()
    expect(page.get_by_text("(clé de contrôle juste)")).to_be_visible()
    expect(page.locator(".leaflet-container")).to_be_visible()
    page.get_by_text("de 7 h à 13 h").first.click()
    page.get_by_text("Refuser la demande", exact=True).click()
    page.get_by_text("Vérifier ce commerce", exact=True).click()
    console.judge(page)
    page.get_by_label("Qui y est allé, et ce qui a été vu").fill("Lou, devant la vitrine")
    page.get_by_label(re.compile("il pourra publier aussitôt")).check()
    page.get_by_role("button", name="Vérifier", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("le commerce est vérifié")
    console.judge(page)


def withdraws(console: Console, page: Page) -> str:
    """Lou withdraws the reported offer; the address of its report."""
    page.get_by_role("link", name="Signalements", exact=True).click()
    expect(page.get_by_role("heading", name="Signalements", exact=True)).to_be_visible()
    console.judge(page)
    page.get_by_role("link", name="Cidre").click()
    page.get_by_text("Retenir : retirer l’offre", exact=True).click()
    console.judge(page)
    page.locator("#uphold-reason").fill("Le prix de référence est faux.")
    page.get_by_label(re.compile("ne s’annule que par un recours")).check()
    page.get_by_role("button", name="Retirer l’offre").click()
    expect(page.get_by_role("status").first).to_contain_text("l’offre est retirée")
    return page.url.partition("?")[0]


def is_contested(console: Console) -> None:
    """Camille reads why her offer is gone, and answers once."""
    with console.sessions.begin() as session:
        token = builders.signed_in(session, builders.a_merchant(session, CAMILLE))
    page = console.chromium.open(f"{console.url}/connexion")
    console.known(page, MERCHANT_COOKIE, token)
    page.goto(f"{console.url}/commerce")
    page.get_by_role("link", name="La Cave").click()
    page.get_by_role("link", name="Contester, ou lire la réponse").click()
    console.judge(page)
    page.get_by_label("Pourquoi cette décision vous paraît fausse").fill("Voici la facture.")
    page.get_by_role("button", name="Envoyer ma réponse").click()
    expect(page.get_by_text("une autre personne de l’équipe relira")).to_be_visible()
    console.judge(page)
    console.chromium.close(page)


def another_decides(console: Console, ana: Page, lou: Page, report: str) -> None:
    """Lou, who upheld it, is shown that somebody else decides; Ana grants the appeal."""
    lou.goto(report)
    expect(lou.get_by_text("une autre personne de l’équipe tranche le recours")).to_be_visible()
    expect(lou.get_by_text("Accepter le recours", exact=True)).to_have_count(0)
    console.judge(lou)
    ana.goto(report)
    ana.get_by_text("Accepter le recours", exact=True).click()
    console.judge(ana)
    ana.locator("#grant-reason").fill("La facture le montre.")
    ana.get_by_role("button", name="Accepter", exact=True).click()
    expect(ana.get_by_text("Recours accepté")).to_be_visible()
    console.judge(ana)


def stops_and_resumes(console: Console, page: Page) -> None:
    """All sending is held and let go, by the word alone."""
    page.get_by_role("link", name="Envois", exact=True).click()
    page.get_by_text("Arrêter tous les envois", exact=True).click()
    page.get_by_text("Changer la règle", exact=True).click()
    console.judge(page)
    page.locator("#stop-reason").fill("Emballement")
    page.get_by_label(re.compile("Pour confirmer")).fill("tout")
    page.get_by_role("button", name="Tout arrêter").click()
    expect(page.get_by_text("plus rien ne part")).to_be_visible()
    page.get_by_text("Reprendre tous les envois", exact=True).click()
    page.locator("#resume-reason").fill("Réglé")
    page.get_by_label(re.compile("Pour confirmer")).fill("oui")
    page.get_by_role("button", name="Tout reprendre").click()
    expect(page.get_by_role("alert")).to_contain_text("rien n’a été fait")
    console.judge(page)
    page.get_by_label(re.compile("Pour confirmer")).fill("tout")
    page.get_by_role("button", name="Tout reprendre").click()
    expect(page.get_by_text("les envois reprennent")).to_be_visible()


def reads_the_measures(console: Console, page: Page) -> None:
    """Tiles with trend and target; then one measure, its curve with the same figures in a table."""
    page.get_by_role("link", name="Mesures", exact=True).click()
    tile = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Notifications remises"))
    expect(tile).to_contain_text(f"objectif : {AIM}")
    expect(tile.locator(".aim")).to_have_count(1)
    expect(page.get_by_text("secret statistique").first).to_be_visible()
    console.judge(page)
    page.get_by_role("link", name="Notifications remises").click()
    expect(page.locator("img.drawn")).to_be_visible()
    assert page.locator("img.drawn").evaluate("async one => { await one.decode(); return one.naturalWidth > 0; }")
    expect(page.locator("tbody tr")).to_have_count(len(WEEKS))
    console.judge(page)


def reads_the_map(console: Console, page: Page) -> None:
    """A measure of a month, area by area."""
    page.get_by_role("link", name="Par secteur").click()
    page.get_by_label("Mesure", exact=True).select_option(label="Commerces connus")
    page.get_by_role("button", name="Montrer").click()
    assert page.locator("img.drawn").evaluate("async one => { await one.decode(); return one.naturalWidth > 0; }")
    expect(page.get_by_role("row").filter(has_text="Béthune").first).to_contain_text("10")
    console.judge(page)


def compares_weeks(console: Console, page: Page) -> None:
    """The first week and the last, side by side."""
    page.get_by_role("link", name="Comparer").click()
    page.get_by_label("Avant").select_option(str(WEEKS[0]))
    page.get_by_role("button", name="Comparer").click()
    expect(page.get_by_role("columnheader", name="Écart")).to_be_visible()
    console.judge(page)


def proposes_and_the_other_approves(console: Console, lou: Page, ana: Page) -> None:
    """Lou proposes a target and cannot approve it; Ana does, and it is confirmed."""
    lou.get_by_role("link", name="Objectifs").click()
    lou.get_by_label("Mesure", exact=True).select_option("till-uses")
    lou.get_by_label(re.compile("À partir de")).fill("2026-W50")
    lou.get_by_label(re.compile("Valeur")).fill("zéro")
    lou.get_by_label("Pourquoi, en une ligne").fill("Une par jour et par commerce")
    lou.get_by_role("button", name="Proposer").click()
    expect(lou.get_by_role("alert")).to_contain_text("au-dessus de zéro")
    console.judge(lou)
    lou.get_by_label(re.compile("Valeur")).fill("40")
    lou.get_by_role("button", name="Proposer").click()
    expect(lou.get_by_text("quelqu’un d’autre doit l’approuver")).to_be_visible()
    expect(lou.get_by_role("button", name="Approuver")).to_have_count(0)
    console.judge(lou)
    ana.goto(f"{console.url}/console/mesures/objectifs")
    console.judge(ana)
    ana.get_by_label(re.compile("approuvé, il ne change plus")).check()
    ana.get_by_role("button", name="Approuver").click()
    expect(ana.get_by_text("Une par jour et par commerce")).to_be_visible()
    expect(ana.get_by_role("button", name="Approuver")).to_have_count(0)


def writes_a_cost(console: Console, page: Page) -> None:
    """Ana writes what was paid, and puts another amount in its place."""
    page.get_by_role("link", name="Dépenses").click()
    page.get_by_label("Premier jour").fill("2026-11-01")
    page.get_by_label("Dernier jour").fill("2026-11-30")
    page.get_by_label("Montant, en euros").fill("1 200,50")
    page.get_by_label(re.compile("Où elle se lit")).fill("Délibération du 12 octobre")
    page.get_by_role("button", name="Écrire").click()
    page.get_by_role("link", name="Remplacer").click()
    expect(page.get_by_role("heading", name="Remplacer une dépense")).to_be_visible()
    console.judge(page)
    page.get_by_label("Montant, en euros").fill("900")
    page.get_by_role("button", name="Écrire").click()
    expect(page.get_by_text("(remplacée)")).to_have_count(1)
    console.judge(page)


def takes_a_report_away(console: Console, page: Page) -> None:
    """The report of a week, on paper and as each kind of file, says the same."""
    page.goto(f"{console.url}/console/mesures/rapports/{WEEKS[1]}")
    console.judge(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="Aujourd’hui")).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text=re.compile("Notifications remises"))).to_be_visible()
    page.emulate_media(media="screen")
    told = {}
    for name in ("PDF", "CSV", "JSON", "NGSI-LD"):
        with page.expect_response(re.compile(f"{WEEKS[1]}")) if name == "JSON" else page.expect_download() as got:
            page.get_by_role("link", name=re.compile(rf"\({name}\)")).click()
        told[name] = got.value.body() if name == "JSON" else Path(got.value.path()).read_bytes()
        if name == "JSON":
            page.go_back()
    figure = next(each for each in json.loads(told["JSON"])["figures"] if each["key"] == "deliveries-accepted")
    assert figure["target"] == AIM
    row = next(
        each
        for each in csv.DictReader(io.StringIO(told["CSV"].decode("utf-8-sig")), delimiter=";")
        if each["key"] == "deliveries-accepted" and each["territory"] == "agglomeration"
    )
    assert (row["value"], row["standing"]) == (str(figure["value"]), figure["standing"])
    (entity,) = [each for each in json.loads(told["NGSI-LD"]) if each["id"].split(":")[4] == "deliveries-accepted"]
    assert entity["kpiValue"]["value"] == figure["value"]
    (measure,) = [each for each in json.loads(told["JSON"])["measures"] if each["key"] == "deliveries-accepted"]
    assert entity["unit"]["value"] == measure["unit"] == row["unit"]
    assert entity["evidence"]["value"] == measure["evidence"] == row["evidence"]
    assert entity["calculationFormula"]["value"] == measure["formula"] == row["formula"]
    printed = "".join(each.extract_text() for each in PdfReader(io.BytesIO(told["PDF"])).pages)
    assert f"{figure['value']}" in printed


def sends_again(console: Console, page: Page) -> None:
    """The cluster refuses a report; Ana reads why, and sends it once more."""
    console.broker.troubles.append(Trouble(status=422, body=b'{"title": "calculationPeriod"}'))
    while console.courier.turn():
        pass
    page.get_by_role("link", name="Envois au cluster").click()
    refused = page.locator("section").filter(has_text="refusé")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("calculationPeriod")
    console.judge(page)
    refused.get_by_label(re.compile("Je confirme")).check()
    refused.get_by_role("button", name="Renvoyer").click()
    expect(page.get_by_text("en attente")).to_be_visible()
    while console.courier.turn():
        pass
    page.reload()
    expect(page.get_by_text(": arrivé")).to_have_count(1 + len(WEEKS))
    assert console.broker.faults == []
    console.judge(page)


def reads_on(console: Console, page: Page) -> None:
    """The log, and what letting somebody go would do."""
    page.get_by_role("link", name="Journal").click()
    expect(page.get_by_text(f"Commerce vérifié par {LOU}.")).to_be_visible()
    console.judge(page)
    page.get_by_role("link", name="Équipe").click()
    expect(page.get_by_role("heading", name=ANA)).to_be_visible()
    page.get_by_role("link", name="Retirer de l’équipe").first.click()
    expect(page.get_by_role("heading", name="Retirer de l’équipe ?")).to_be_visible()
    console.judge(page)
