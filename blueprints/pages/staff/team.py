"""« Équipe » of the console, for who administers: who is in it, inviting, another role, letting somebody go."""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import Response, make_response, render_template, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.limits import count_of
from blueprints.pages.language import page_locale
from blueprints.pages.staff.acting import NOTHING_FAILED, Failed, carried_out, confirmed, typed
from blueprints.pages.staff.asking import console_form, console_page
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.cluster import (
    INVITATIONS,
    give_role,
    let_staff_go,
    staff_of_the_cluster,
    take_into_staff,
    who_has_come,
)
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.clock import local_date
from citylife.errors import Absent, Invalid
from citylife.moments import date_words
from citylife.wording import Sentence, say

ROLES: Final = {
    StaffRole.WATCH: (Sentence("Observation"), Sentence("Lit tout, ne décide de rien.")),
    StaffRole.MODERATE: (Sentence("Modération"), Sentence("Vérifie les commerces, traite signalements et recours.")),
    StaffRole.ADMINISTER: (Sentence("Administration"), Sentence("Tout, avec les envois, les règles et l’équipe.")),
}
DONE: Final = {
    "invited": Sentence("C’est fait : un courriel l’invite."),
    "role": Sentence("C’est fait : le rôle est changé, et ses sessions sont fermées."),
    "left": Sentence("C’est fait : cette personne n’est plus de l’équipe."),
}


class RoleUnknown(Invalid):
    """No role was chosen."""

    sentence = "Choisissez un rôle."


@dataclass(frozen=True, slots=True)
class ShownMember:
    """Somebody of the team; `last` who alone administers, and so stays."""

    id: uuid.UUID
    email: str
    role: StaffRole
    role_words: str
    since: str
    come: bool
    mine: bool
    last: bool


@console_page(StaffRole.ADMINISTER)
def read_team() -> Response:
    """Who is in it, and the form to invite somebody."""
    return team_page()


def team_page(failed: Failed = NOTHING_FAILED) -> Response:
    """The page, with what was refused where something was."""
    page = render_template(
        "staff/team.html",
        members=_everybody(),
        roles=[(role.value, say(words, page_locale()), meaning) for role, (words, meaning) in ROLES.items()],
        said=DONE.get(request.args.get("said", "")),
        failed=failed,
    )
    return make_response(page, failed.status)


@console_form(StaffRole.ADMINISTER)
@transaction(rings=True)
def invite() -> Response:
    """Invite somebody: a letter leads her to her passkey."""

    def act() -> None:
        who, role = guards.current_staff().id, _role()
        count_of(INVITATIONS, str(who))
        take_into_staff(db.session(), typed("email"), role, locale=page_locale(), now=now(), actor_id=who)

    return carried_out("invite", act, to=url_for("console.read_team", said="invited"), again=team_page)


@console_form(StaffRole.ADMINISTER)
@transaction()
def change_role(member_id: uuid.UUID) -> Response:
    """Give somebody another role; her sessions end."""

    def act() -> None:
        give_role(db.session(), member_id, _role(), now=now(), actor_id=guards.current_staff().id)

    said = url_for("console.read_team", said="role")
    return carried_out(f"role-{member_id}", act, to=said, again=team_page)


@console_page(StaffRole.ADMINISTER)
def read_leaving(member_id: uuid.UUID) -> Response:
    """What letting somebody go does, before it is done."""
    return _leaving_page(member_id)


@console_form(StaffRole.ADMINISTER)
@transaction()
def let_go(member_id: uuid.UUID) -> Response:
    """Let somebody go, once it was confirmed."""

    def act() -> None:
        confirmed()
        let_staff_go(db.session(), member_id, now=now(), actor_id=guards.current_staff().id)

    again = partial(_leaving_page, member_id)
    return carried_out("leave", act, to=url_for("console.read_team", said="left"), again=again)


def _leaving_page(member_id: uuid.UUID, failed: Failed = NOTHING_FAILED) -> Response:
    member = next((each for each in _everybody() if each.id == member_id), None)
    if member is None:
        raise Absent
    page = render_template("staff/leaving.html", member=member, failed=failed)
    return make_response(page, failed.status)


def _role() -> StaffRole:
    try:
        return StaffRole(typed("role"))
    except ValueError:
        raise RoleUnknown(pointer="/role") from None


def _everybody() -> list[ShownMember]:
    members, come = staff_of_the_cluster(db.session()), who_has_come(db.session())
    administering = {each.id for each in members if each.role is StaffRole.ADMINISTER and each.id in come}
    return [_show(member, come, administering) for member in members]


def _show(member: StaffMember, come: frozenset[uuid.UUID], administering: set[uuid.UUID]) -> ShownMember:
    locale = page_locale()
    return ShownMember(
        id=member.id,
        email=member.email,
        role=member.role,
        role_words=say(ROLES[member.role][0], locale),
        since=date_words(local_date(member.created_at), locale),
        come=member.id in come,
        mine=member.id == guards.current_staff().id,
        last=member.role is StaffRole.ADMINISTER and administering <= {member.id},
    )
