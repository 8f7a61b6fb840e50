"""A week in Béthune, time passed in: twelve offers from five shops, and what one citizen with usual settings hears.

Merchants and citizen go through the API; a real dispatcher works through ten days, at every full hour and in the
minute before it. Its sender notes what would have been shown, and when on her clock.
"""

import base64
import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from justhtml import JustHTML
from sqlalchemy import select
from werkzeug.test import TestResponse

from citylife.accounts.citizens import Citizen
from citylife.consent import TEXTS, Purpose
from citylife.courtesy.draw import CERTAIN, is_drawn, seeds_of
from citylife.courtesy.tables import BudgetSlot
from citylife.database import writing
from citylife.doorbell import ThreadDoorbell
from citylife.geography import communes
from citylife.ledger.tables import Arm, Decision
from citylife.settings import Settings
from citylife.shops import Shop
from notifications.dispatcher import Dispatcher
from notifications.webpush import Answer, Envelope
from notifications.webpush_recording import RecordingSender
from tests import builders
from tests.builders import BETHUNE
from wsgi import create_app

pytestmark = pytest.mark.long

PARIS = ZoneInfo("Europe/Paris")
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
TURNS = 50
"""More than any moment of the story asks for."""
POINT = builders.browser_keys()[1]
KEYS = {
    name: base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    for name, value in (("p256dh", POINT.p256dh), ("auth", POINT.auth))
}
ISBERGUES = communes()["62473"]
"""Sixteen kilometres from Béthune."""
ONE_A_DAY = "Librairie des Arcades vous avait déjà envoyé une annonce ce jour-là, et n’en envoie qu’une par jour."
DAY_SPENT = "Votre budget du jour était épuisé. Augmentez le nombre de notifications par jour"
NOT_DRAWN = "Votre budget ne suffit pas à tout : le tirage n’a pas retenu cette offre."
TOLD_IN = "L’offre était dans votre récapitulatif."
IN_ENGLISH = [
    "You follow Fleurs de la Lys and one of your places is nearby.",
    "You asked to discover shops near your places.",
    (
        "Your budget for the day was spent. Raise the number of notifications a day, or choose “always” for Librairie "
        "des Arcades. It was in your digest."
    ),
    "You chose “always” for Boulangerie du Beffroi.",
    "You follow Chez Lefebvre without notifications. Change the level of the follow to receive them.",
    "None of your places was nearby. Change the level of the follow or your places.",
    "Your week’s draw picked this offer of Librairie des Arcades.",
    "The offer fell in your quiet hours. Change them in your settings.",
    (
        "Librairie des Arcades had already sent you an announcement that day, and sends only one a day. It was in your "
        "digest."
    ),
    (
        "Your budget cannot hold everything: the draw did not pick this offer. Raise it, or choose “always” for "
        "Fromagerie du Marché. It was in your digest."
    ),
    "You follow Librairie des Arcades.",
    "You chose “always” for Boulangerie du Beffroi.",
]
"""Why, for each of the twelve, as the page says it in English."""
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


def plain(text: str) -> str:
    """The same with usual spaces: typography is proven elsewhere."""
    return text.replace("\xa0", " ")


class Clock:
    """A clock that is set by hand, in the time of Paris."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now.astimezone(dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def said(self) -> str:
        """The day and the time, as somebody in Béthune says them."""
        local = self.now.astimezone(PARIS)
        return f"{DAYS[local.weekday()]} {local:%H:%M}"


class Town:
    """The application on a database, its worker, and a clock; `shown` is what lit each screen: when, and what."""

    def __init__(self, database_url: str, folder: Path, begins: dt.datetime) -> None:
        self.clock = Clock(begins)
        settings = Settings(instance=folder, database_url=database_url, log_level="CRITICAL", limits=("*=1000000",))
        self.app = create_app(settings, clock=self.clock)
        self.house = self.app.extensions["citylife"]
        self.client = self.app.test_client(use_cookies=False)
        self.sessions = writing(self.house.writing_engine)
        self.sender = RecordingSender()
        self.bell = ThreadDoorbell()
        self.dispatcher = Dispatcher(
            self.house.engine, self.sender, base_url="http://localhost:8000", bell=self.bell, clock=self.clock
        )
        self.shown: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        self.sender.answer_by("https://updates.push.services.mozilla.com", self._shows)

    def _shows(self, envelope: Envelope) -> Answer:
        said = orjson.loads(envelope.plaintext)["notification"]
        self.shown[envelope.endpoint].append((self.clock.said(), said["title"], plain(said["body"])))
        return Answer.ACCEPTED

    def asks(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer: TestResponse = getattr(self.client, method)(f"/api/v1{path}", headers=headers, **options)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer

    def passes_until(self, moment: dt.datetime) -> None:
        """Let time pass; the worker looks at every full hour, and in the minute before it."""
        moment = moment.astimezone(dt.UTC)
        while self.clock.now < moment:
            hour = self.clock.now.replace(minute=0) + HOUR
            before = hour - MINUTE
            self.clock.now = min(before if self.clock.now < before else hour, moment)
            self.works()

    def works(self) -> None:
        """Let the worker do all there is to do now."""
        for _ in range(TURNS):
            self.bell.ring()
            if not self.dispatcher.turn():
                return
        raise AssertionError("the worker never came to rest")


class Trade:
    """A verified shop and a key of its merchant; `level` is where a follower chooses how much she hears of it."""

    def __init__(self, town: Town, name: str, **facts: Any) -> None:
        self.town, self.name = town, name
        with town.sessions.begin() as session:
            merchant = builders.a_merchant(session, now=town.clock.now)
            shop = builders.a_shop(session, name, merchant=merchant, now=town.clock.now, **facts)
            self.level = f"/mes-commerces#commerce-{shop.slug}"
            self.id, self.key = shop.id, builders.a_key(session, merchant, now=town.clock.now)[1]

    def posts(self, title: str, ends_at: dt.datetime, radius: int = 5_000) -> None:
        """The merchant publishes an offer now, and the worker works."""
        said = {"title": title, "ends_at": ends_at.isoformat(), "radius": radius}
        made = self.town.asks("post", f"/merchant/shops/{self.id}/offers", self.key, json=said)
        self.town.asks("post", f"/merchant/offers/{made.json['id']}/publish", self.key)
        self.town.works()


class Her:
    """A citizen with one phone."""

    def __init__(self, town: Town, number: int = 0, **wishes: Any) -> None:
        self.town = town
        made = town.asks("post", "/citizens", json={"locale": "fr"})
        self.id, self.token = made.json["id"], made.json["token"]
        for purpose in (Purpose.NOTIFICATIONS, Purpose.LOCATION):
            said = {"purpose": purpose.value, "granted": True, "text_version": TEXTS[purpose].version}
            self.asks("post", "/consents", json=said)
        self.endpoint = f"https://updates.push.services.mozilla.com/wpush/v2/a-week-in-bethune-{number}"
        self.asks("post", "/devices", json={"endpoint": self.endpoint, "keys": KEYS})
        if wishes:
            self.asks("patch", "", json=wishes)

    def asks(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.town.asks(method, f"/me{path}", self.token, **options)

    def follows(self, shop: Trade, level: str = "normal") -> None:
        self.asks("put", f"/follows/{shop.id}", json={"level": level})

    @property
    def shown(self) -> list[tuple[str, str, str]]:
        """What lit her screen: when, and what."""
        return self.town.shown[self.endpoint]

    def why(self) -> list[tuple[str, str, str, str]]:
        """What she reads under « Pourquoi ? »: of each offer, its shop and title, what was decided, and the reason."""
        items = self.asks("get", "/deliveries?limit=100").json["items"]
        return [
            (item["shop_name"], item["offer_title"], item["outcome"], plain(item["explanation"]))
            for item in reversed(items)
            if item["offer_title"] is not None  # her digests are listed too
        ]

    def reads_why(self, language: str) -> list[tuple[str, str, str, str | None]]:
        """The page « Pourquoi ? » of her browser: the shop and title of each offer, the reason, and where to change it.

        The earliest first, as `why`; her digests are on it too.
        """
        browser = self.town.app.test_client()
        browser.set_cookie("__Host-citylife", self.token, secure=True)
        answer = browser.get("/reglages/pourquoi", headers={"Accept": "text/html", "Accept-Language": language})
        page = JustHTML(answer.get_data(as_text=True), sanitize=False)
        return [
            (
                " ".join(shop.to_text() for shop in row.query("p bdi")),
                row.query("h2 a")[0].to_text(),
                plain(row.query("p:not([class])")[0].to_text()),
                next((link.attrs["href"] for link in row.query("a.change")), None),
            )
            for row in reversed(page.query(".reasons > li"))
            if row.query("h2 a")
        ]


def at(day: int, time: str, *, week: dt.date = dt.date(2026, 11, 30)) -> dt.datetime:
    """A moment of the week in Paris: Monday is day 0."""
    return dt.datetime.combine(week + day * DAY, dt.time.fromisoformat(time), PARIS)


def a_seed(*, drawn: list[tuple[Trade, dt.datetime]], not_drawn: list[tuple[Trade, dt.datetime]]) -> int:
    """A number for her draws that is lucky and unlucky where the story wants it, by a wide margin."""

    def suits(seed: int) -> bool:
        lucky = (is_drawn(seeds_of(shop.id, moment.date(), 0), seed, CERTAIN * 7 // 10) for shop, moment in drawn)
        unlucky = (
            is_drawn(seeds_of(shop.id, moment.date(), 0), seed, CERTAIN * 95 // 100) for shop, moment in not_drawn
        )
        return all(lucky) and not any(unlucky)

    return next(seed for seed in itertools.count(1) if suits(seed))


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    """In the middle of November, before the story."""
    town = Town(database_url, tmp_path, at(-14, "10:00"))
    yield town
    town.house.close()


def test_a_week_in_bethune(town: Town) -> None:
    isbergues = {"insee_code": ISBERGUES.insee_code, "position": (ISBERGUES.latitude, ISBERGUES.longitude)}
    bakery = Trade(town, "Boulangerie du Beffroi")
    books = Trade(town, "Librairie des Arcades", category="books")
    florist = Trade(town, "Fleurs de la Lys", category="florist", **isbergues)
    clothes = Trade(town, "Chez Lefebvre", category="fashion")
    cheese = Trade(town, "Fromagerie du Marché", category="grocery")
    # On Wednesdays, Fridays and Saturdays of the last four weeks the bookshop has announced something: her weeks will
    # be busy, and busiest at their end.
    for day in (7 * week + weekday for week in range(-4, 0) for weekday in (2, 4, 5)):
        with town.sessions.begin() as session:
            builders.an_offer(session, session.get_one(Shop, books.id), now=at(day, "17:00"))

    # On Sunday she follows four shops, and asks to discover what is near Béthune. Her settings are the usual ones.
    town.clock.now = at(-1, "12:00").astimezone(dt.UTC)
    her = Her(town)
    for shop, level in ((bakery, "always"), (books, "normal"), (florist, "nearby"), (clothes, "none")):
        her.follows(shop, level)
    her.asks("post", "/places", json={"insee_code": BETHUNE})
    her.asks("patch", "", json={"discover_nearby": True})
    with town.sessions.begin() as session:
        session.scalars(select(Citizen)).one().draw_seed = a_seed(
            drawn=[(cheese, at(0, "14:00")), (books, at(1, "21:00"))], not_drawn=[(cheese, at(4, "10:00"))]
        )

    for moment, shop, title, ends_at, radius in (
        (at(0, "10:00"), florist, "Chrysanthèmes", at(0, "19:00"), 20_000),
        (at(0, "14:00"), cheese, "Maroilles", at(0, "19:00"), 5_000),
        (at(0, "16:00"), books, "Dédicace", at(1, "19:00"), 5_000),
        (at(0, "17:00"), bakery, "Pains du soir", at(0, "19:00"), 5_000),
        (at(1, "10:30"), clothes, "Écharpes", at(5, "19:00"), 5_000),
        (at(1, "11:00"), florist, "Bouquet du mardi", at(1, "19:00"), 5_000),
        (at(1, "21:00"), books, "Prix littéraire", at(5, "19:00"), 5_000),
        (at(1, "22:00"), bakery, "Croissants de l’aube", at(2, "08:30"), 5_000),
        (at(2, "12:00"), books, "Lecture à voix haute", at(2, "20:30"), 5_000),
        (at(4, "10:00"), cheese, "Raclette", at(5, "12:00"), 5_000),
        (at(5, "10:00"), books, "Beaux livres", at(5, "19:00"), 5_000),
        (at(6, "10:00"), bakery, "Galette du lundi", at(7, "13:00"), 5_000),
    ):
        town.passes_until(moment)
        shop.posts(title, ends_at, radius)
    town.passes_until(at(7, "12:00"))  # a day later, what depends on a place leaves the ledger

    # What she gets, and when; three times a digest at six.
    assert her.shown == [
        ("lundi 10:00", "Fleurs de la Lys", "Chrysanthèmes — jusqu’à 19 h 00 aujourd’hui"),
        ("lundi 14:00", "Fromagerie du Marché", "Maroilles — jusqu’à 19 h 00 aujourd’hui"),
        ("lundi 17:00", "Boulangerie du Beffroi", "Pains du soir — jusqu’à 19 h 00 aujourd’hui"),
        ("lundi 18:00", "Une offre chez vos commerces", "Librairie des Arcades : Dédicace"),
        ("mercredi 09:00", "Librairie des Arcades", "Prix littéraire — jusqu’au samedi 5 décembre à 19 h 00"),
        ("mercredi 18:00", "Une offre chez vos commerces", "Librairie des Arcades : Lecture à voix haute"),
        ("vendredi 18:00", "Une offre chez vos commerces", "Fromagerie du Marché : Raclette"),
        ("samedi 10:00", "Librairie des Arcades", "Beaux livres — jusqu’à 19 h 00 aujourd’hui"),
        ("lundi 09:00", "Boulangerie du Beffroi", "Galette du lundi — jusqu’à 13 h 00 aujourd’hui"),
    ]
    # Why, for each of the twelve.
    assert her.why() == [
        (
            *("Fleurs de la Lys", "Chrysanthèmes", "send"),
            "Vous suivez Fleurs de la Lys et l’un de vos lieux est à proximité.",
        ),
        (
            *("Fromagerie du Marché", "Maroilles", "send"),
            "Vous avez demandé à découvrir les commerces proches de vos lieux.",
        ),
        (
            *("Librairie des Arcades", "Dédicace", "held"),
            f"{DAY_SPENT}, ou choisissez « toujours » pour Librairie des Arcades. {TOLD_IN}",
        ),
        (
            *("Boulangerie du Beffroi", "Pains du soir", "send"),
            "Vous avez choisi « toujours » pour Boulangerie du Beffroi.",
        ),
        (
            *("Chez Lefebvre", "Écharpes", "held"),
            "Vous suivez Chez Lefebvre sans notification. Changez le niveau de suivi pour en recevoir.",
        ),
        (
            *("Fleurs de la Lys", "Bouquet du mardi", "held"),
            "Aucun de vos lieux n’était à proximité. Changez le niveau de suivi ou vos lieux.",
        ),
        (
            *("Librairie des Arcades", "Prix littéraire", "send"),
            "Le tirage de votre semaine a retenu cette offre de Librairie des Arcades.",
        ),
        (
            *("Boulangerie du Beffroi", "Croissants de l’aube", "held"),
            "L’offre tombait dans vos heures calmes. Changez-les dans vos réglages.",
        ),
        (
            *("Librairie des Arcades", "Lecture à voix haute", "held"),
            f"{ONE_A_DAY} {TOLD_IN}",
        ),
        (
            *("Fromagerie du Marché", "Raclette", "held"),
            f"{NOT_DRAWN} Augmentez-le, ou choisissez « toujours » pour Fromagerie du Marché. {TOLD_IN}",
        ),
        ("Librairie des Arcades", "Beaux livres", "send", "Vous suivez Librairie des Arcades."),
        (
            *("Boulangerie du Beffroi", "Galette du lundi", "send"),
            "Vous avez choisi « toujours » pour Boulangerie du Beffroi.",
        ),
    ]
    # The page « Pourquoi ? » says the same, and leads where it would change.
    read = her.reads_why("fr")
    assert [row[:3] for row in read] == [(shop, title, why) for shop, title, _, why in her.why()]
    budget, quiet, places = "/reglages#budget", "/reglages#heures-calmes", "/reglages/lieux"
    assert [row[3] for row in read] == [
        *(florist.level, "/reglages#decouverte", budget, bakery.level, clothes.level, places),
        *(budget, quiet, None, budget, books.level, bakery.level),
    ]
    english = her.reads_why("en")
    assert [(shop, title, to) for shop, title, _, to in english] == [(shop, title, to) for shop, title, _, to in read]
    assert [why for _, _, why, _ in english] == IN_ENGLISH
    # Of what counts, four in the week and two on a day at most; « toujours » stands outside.
    with town.sessions() as session:
        days = session.scalars(select(BudgetSlot.local_date).order_by(BudgetSlot.local_date)).all()
        arms = Counter(session.scalars(select(Decision.arm).where(Decision.arm != Arm.NONE)))
    assert [(day - at(0, "00:00").date()).days for day in days] == [0, 0, 2, 5]
    assert arms == {Arm.DRAWN: 2, Arm.NOT_DRAWN: 1}


@pytest.mark.parametrize(
    ("sunday", "nine"),
    [
        pytest.param(dt.date(2027, 3, 28), dt.time(7), id="in March an hour is skipped"),
        pytest.param(dt.date(2026, 10, 25), dt.time(8), id="in October an hour comes twice"),
    ],
)
def test_the_nights_on_which_clocks_change(database_url: str, tmp_path: Path, sunday: dt.date, nine: dt.time) -> None:
    """At one o'clock of that Sunday in UTC clocks change; `nine` is nine o'clock in the morning of Paris, in UTC."""

    def moment(hours: float) -> dt.datetime:
        return dt.datetime.combine(sunday, dt.time(0), dt.UTC) + hours * HOUR

    evening = dt.datetime.combine(sunday - DAY, dt.time(20), PARIS).astimezone(dt.UTC)
    town = Town(database_url, tmp_path, evening - 6 * HOUR)
    try:
        shops = [Trade(town, f"Maison {number}") for number in range(4)]
        usual = Her(town, 0, daily_budget=10)
        sunday_too = Her(town, 1, daily_budget=10, quiet_sundays=False)
        for shop in shops:
            usual.follows(shop)
            sunday_too.follows(shop)
        for shop, published in zip(shops, (evening - MINUTE, evening, moment(0.5), moment(1.5)), strict=True):
            town.passes_until(published)
            shop.posts("Brioche", moment(60))

        at_once = ("samedi 19:59", "Maison 0")
        town.passes_until(dt.datetime.combine(sunday, nine, dt.UTC) - MINUTE)
        assert titles(usual) == titles(sunday_too) == [at_once]

        town.passes_until(dt.datetime.combine(sunday, nine, dt.UTC))
        assert titles(usual) == [at_once]
        assert titles(sunday_too) == sorted(
            [at_once, *(("dimanche 09:00", f"Maison {number}") for number in (1, 2, 3))]
        )

        town.passes_until(moment(60))
        assert titles(usual) == sorted([at_once, *(("lundi 09:00", f"Maison {number}") for number in (1, 2, 3))])
        assert len(sunday_too.shown) == 4
    finally:
        town.house.close()


def titles(her: Her) -> list[tuple[str, str]]:
    """When her screen was lit, and of which shop; in no order of time."""
    return sorted((when, title) for when, title, _ in her.shown)
