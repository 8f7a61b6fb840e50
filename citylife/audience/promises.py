"""Promises: each rule by which a citizen is told of something or not, as it stands for her, in one sentence."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen
from citylife.courtesy.rules import ANNOUNCEMENTS_A_DAY
from citylife.courtesy.tables import SendingRule
from citylife.follows import MOST_ALWAYS, Follow
from citylife.ledger.reasons import Setting
from citylife.ledger.sending import TOLD_HER, Sending
from citylife.moments import clock_words
from citylife.places import places_of
from citylife.shops.tables import Shop
from citylife.wording import Sentence


class Rule(Enum):
    """The rules of courtesy, in the order in which they are told."""

    QUIET_HOURS = "quiet-hours"
    SUNDAYS = "sundays"
    ALWAYS = "always"
    NEARNESS = "nearness"
    DISCOVERY = "discovery"
    BUDGET = "budget"
    DRAW = "draw"
    DIGEST = "digest"
    ONE_A_DAY = "one-a-day"
    STOPS = "stops"


@dataclass(frozen=True, slots=True)
class Promise:
    """A rule as it stands for her; `setting` is the one of hers that changes it, `shop_id` the one shop it is about."""

    rule: Rule
    sentence: Sentence
    setting: Setting | None = None
    shop_id: uuid.UUID | None = None


def promises(session: Session, citizen: Citizen, sending: Sending, *, now: dt.datetime) -> Iterator[Promise]:
    """Every rule by which this citizen is told; `sending` is what holds everything now, if anything does."""
    yield Promise(Rule.QUIET_HOURS, _quiet_hours(citizen), Setting.QUIET_HOURS)
    sundays = "Rien le dimanche." if citizen.quiet_sundays else "Le dimanche est pour vous un jour comme les autres."
    yield Promise(Rule.SUNDAYS, Sentence(sundays), Setting.QUIET_HOURS)
    always = Sentence(
        "Vous pouvez choisir « toujours » pour {most} commerces : leurs annonces ne comptent pas dans votre budget, et "
        "attendent comme les autres la fin de vos heures calmes.",
        most=MOST_ALWAYS,
    )
    yield Promise(Rule.ALWAYS, always, Setting.LEVEL)
    yield Promise(Rule.NEARNESS, _nearness(placed=bool(places_of(session, citizen.id, now=now))), Setting.PLACES)
    yield Promise(Rule.DISCOVERY, _discovery(citizen), Setting.DISCOVER_NEARBY)
    budget = Sentence(
        "Notifications de tous vos autres commerces réunis : {weekly} par semaine et {daily} par jour, au plus.",
        weekly=citizen.weekly_budget,
        daily=citizen.daily_budget,
    )
    yield Promise(Rule.BUDGET, budget, Setting.BUDGET)
    yield Promise(Rule.DRAW, _draw(citizen), Setting.BUDGET)
    yield Promise(Rule.DIGEST, _digest(citizen), Setting.DIGEST)
    yield from _announcements_a_day(session, citizen.id)
    stops = TOLD_HER.get(
        sending,
        "L’équipe de Citylife peut arrêter les envois d’un commerce, ou tous : ce qui est fini à la reprise ne part "
        "plus.",
    )
    yield Promise(Rule.STOPS, Sentence(stops))


def _quiet_hours(citizen: Citizen) -> Sentence:
    if citizen.quiet_from == citizen.quiet_until:
        return Sentence("Vous n’avez pas d’heures calmes.")
    begin, end = clock_words(citizen.quiet_from), clock_words(citizen.quiet_until)
    return Sentence("Rien entre {begin} et {end}, à l’heure de chez vous : cela attend.", begin=begin, end=end)


def _nearness(*, placed: bool) -> Sentence:
    if placed:
        return Sentence("Un commerce suivi « à proximité » ne vous annonce que ce qui est proche de l’un de vos lieux.")
    return Sentence("Vous n’avez aucun lieu : un commerce suivi « à proximité » vous prévient comme « Normal ».")


def _discovery(citizen: Citizen) -> Sentence:
    if not _discovers(citizen):
        return Sentence("Un commerce que vous ne suivez pas ne vous prévient jamais.")
    return Sentence(
        "Un commerce que vous ne suivez pas vous prévient s’il est proche de l’un de vos lieux, dans votre budget ; "
        "jamais s’il peut révéler votre santé ou vos croyances."
    )


def _draw(citizen: Citizen) -> Sentence:
    """What is discovered is counted in nobody's pace (`citylife.courtesy.pace`), so that its order may count."""
    if not _discovers(citizen):
        return Sentence(
            "Quand plus d’annonces sont à attendre que votre budget n’en permet, un tirage au sort choisit parmi "
            "elles : publier en premier n’avantage aucun commerce."
        )
    return Sentence(
        "Quand plus d’annonces des commerces que vous suivez sont à attendre que votre budget n’en permet, un tirage "
        "au sort choisit parmi elles : publier en premier n’en avantage aucun, mais peut avantager un commerce que "
        "vous découvrez."
    )


def _discovers(citizen: Citizen) -> bool:
    return citizen.discover_nearby and citizen.location_consented


def _digest(citizen: Citizen) -> Sentence:
    if not citizen.digest:
        return Sentence("Vous n’avez pas de récapitulatif : ce que votre budget ne permet pas ne vous est pas dit.")
    return Sentence(
        "Ce que votre budget ne permet pas vous est dit en une fois, à {time} ; rien ne vient quand il n’y a rien à "
        "dire.",
        time=clock_words(citizen.digest_at),
    )


def _announcements_a_day(session: Session, citizen_id: uuid.UUID) -> Iterator[Promise]:
    """The rule of the cluster for every shop, and for those of hers that have their own, by name."""
    everyone = session.scalar(select(SendingRule.announcements_a_day).where(SendingRule.shop_id.is_(None)))
    most = ANNOUNCEMENTS_A_DAY if everyone is None else everyone
    said = {
        0: "Le cluster ne permet pour l’instant aucune annonce.",
        1: "Un commerce vous envoie une annonce par jour, au plus.",
    }
    several = "Un commerce vous envoie {most} annonces par jour, au plus."
    yield Promise(Rule.ONE_A_DAY, Sentence(said.get(most, several), most=most))
    own = (
        select(Shop.id, Shop.name, SendingRule.announcements_a_day)
        .join(Follow, Follow.shop_id == Shop.id)
        .join(SendingRule, SendingRule.shop_id == Shop.id)
        .where(Follow.citizen_id == citizen_id)
        .order_by(Shop.name, Shop.id)
    )
    said = {
        0: "Le cluster ne permet pour l’instant aucune annonce de {shop}.",
        1: "{shop} vous envoie une annonce par jour, au plus.",
    }
    several = "{shop} vous envoie {most} annonces par jour, au plus."
    for shop_id, name, most in session.execute(own):
        yield Promise(Rule.ONE_A_DAY, Sentence(said.get(most, several), shop=name, most=most), shop_id=shop_id)
