"""`citylife pilot`: freeze a period by hand, show it, send it again, and see that it can be found again."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import orjson
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from blueprints.commands.desk import Desk, see_schema
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenGroup, here, option, spoken_locale, tell
from citylife import audit
from citylife.audit import Actor
from citylife.database import engine_for, reading, writing
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.freezing import count_period, freeze, latest_reports, reports_of
from citylife.pilot.measures import BY_KEY
from citylife.pilot.periods import Frequency, Period, last_over, read_period
from citylife.pilot.sending import PilotSending, SendingState, send_again, sending_of
from citylife.pilot.tables import PilotReport
from citylife.pilot.targets import Standing
from citylife.pilot.telling import territory_name
from citylife.pilot.verifying import Difference, Recount, verify, verify_from_rows
from citylife.pilot.words import STANDING_WORDS, UNIT_WORDS, defined, said, with_unit
from citylife.revision import revision
from citylife.wording import Sentence

MOST_SHOWN: Final = 20
"""Differences, or reports, that are told one by one."""
TOLD: Final = ("value", "hidden", "low", "high", "target", "standing")
"""What there may be of a figure."""
WAYS: Final = {
    SendingState.WAITING: Sentence("en attente"),
    SendingState.DELIVERED: Sentence("arrivé"),
    SendingState.REFUSED: Sentence("refusé, à renvoyer à la main"),
}


@click.group("pilot", cls=SpokenGroup, help=Sentence("Les mesures du pilote : les arrêter, les montrer, les vérifier."))
def pilot_commands() -> None:
    """Hold the commands about the pilot's measures."""


@pilot_commands.command(
    "freeze",
    help=Sentence(
        "Arrête les chiffres d’une période terminée ; sans période, de la dernière semaine.\n\n"
        "Cela se fait de soi-même chaque matin à six heures. Ce qui est arrêté ne change plus : un rectificatif est "
        "une nouvelle version, et il lui faut un motif."
    ),
)
@click.argument("period", required=False)
@option(
    "--reason",
    default="",
    help=Sentence("Le motif d’un rectificatif, en 300 caractères au plus. Il est dit à tout le monde."),
)
@click.pass_obj
def freeze_period(desk: Desk, period: str | None, reason: str) -> None:
    """Freeze a period."""
    now = desk.clock()
    wanted = last_over(Frequency.WEEKLY, now) if period is None else read_period(period)
    with desk.engine() as engine:
        with reading(engine)() as session:
            counting = count_period(session, wanted, now=now)
        with writing(engine).begin() as session:
            report = freeze(
                session, counting, revision=revision(desk.settings), reason=reason, actor=Actor.OPERATOR, now=now
            )
            told = sum("value" in figure for figure in report.content["figures"])
            said = Sentence(
                "La période {period} est arrêtée (version {version}) : {told} chiffres dits, {hidden} tus.",
                period=report.period,
                version=report.version,
                told=told,
                hidden=len(report.content["figures"]) - told,
            )
            others = session.scalars(select(PilotReport).where(PilotReport.number > report.number))
            also = [
                Sentence(
                    "Rectifiée avec elle : {period} (version {version}).", period=each.period, version=each.version
                )
                for each in others.all()
            ]
    for each in (said, *also):
        tell(each)


@pilot_commands.command("show", help=Sentence("Montre les chiffres arrêtés d’une période."))
@click.argument("period")
@option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    help=Sentence("Un tableau à lire, ou un format pour une machine."),
)
@click.pass_obj
def show(desk: Desk, period: str, form: str) -> None:
    """Show the last version of a period's report."""
    with desk.engine() as engine, reading(engine)() as session:
        report = _last_report(session, read_period(period))
        if form == "json":
            whole = {"measures": defined(report.content["figures"], spoken_locale()), **report.content}
            click.echo(orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode())
        elif form == "csv":
            _write_rows(report)
        else:
            _tell_table(report)


def _write_rows(report: PilotReport) -> None:
    """The figures as they are kept: money in cents, as their unit says."""
    measures = {each["key"]: each for each in defined(report.content["figures"], spoken_locale())}
    kept, known = ("key", "territory", *TOLD), ("unit", "evidence", "formula")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("period", "version", *kept, *known))
    for figure in report.content["figures"]:
        measure = measures[figure["key"]]
        facts = *(figure.get(name, "") for name in kept), *(measure[name] for name in known)
        writer.writerow((report.period, report.version, *facts))


def _tell_table(report: PilotReport) -> None:
    locale = spoken_locale()
    tell(Sentence("Période {period}, version {version}", period=report.period, version=report.version))
    for figure in report.content["figures"]:
        measure, territory = BY_KEY[figure["key"]], figure["territory"]
        row = Sentence(
            "{measure} — {territory} : {value} ({unit} ; classe {letter})",
            measure=measure.name,
            territory=territory_name(territory),
            value=said(figure, measure, locale),
            unit=UNIT_WORDS[measure.unit],
            letter=measure.evidence.value,
        )
        click.echo(f"  {here(row)}")
        if "target" in figure:
            aim = here(Sentence("objectif : {value}", value=with_unit(figure["target"], measure, locale)))
            standing = f" — {here(STANDING_WORDS[Standing(figure['standing'])])}" if "standing" in figure else ""
            click.echo(f"    {aim}{standing}")
        if territory == AGGLOMERATION:
            click.echo(f"    {here(measure.formula)}")


@pilot_commands.command(
    "status", help=Sentence("Montre où en sont les derniers rapports, et ce que le cluster a répondu.")
)
@click.pass_obj
def status(desk: Desk) -> None:
    """Tell how far the last reports have come."""
    with desk.engine() as engine, reading(engine)() as session:
        for report in latest_reports(session, most=MOST_SHOWN):
            sending = sending_of(session, report)
            if sending is not None:
                _tell_way(report, sending)
    if not desk.settings.cluster_url:
        tell(Sentence("CITYLIFE_CLUSTER_URL n’est pas réglé : les rapports attendent."))


def _tell_way(report: PilotReport, sending: PilotSending) -> None:
    said = Sentence(
        "{period} (version {version}) : {state}, {taken} chiffres remis sur {all}",
        period=report.period,
        version=report.version,
        state=WAYS[sending.state],
        taken=sending.taken,
        all=len(report.content["figures"]),
    )
    click.echo("  " + here(said))
    if sending.state is not SendingState.DELIVERED and (sending.status or sending.answer):
        click.echo(f"    {sending.status or '–'} {sending.answer}")


@pilot_commands.command("send", help=Sentence("Envoie de nouveau au cluster le dernier rapport d’une période."))
@click.argument("period")
@click.pass_obj
def send(desk: Desk, period: str) -> None:
    """Send a report again, by hand."""
    now, wanted = desk.clock(), read_period(period)
    with desk.writing() as session:
        report = _last_report(session, wanted)
        send_again(session, report.period, now=now)
        audit.note(session, "pilot.sent-again", None, actor=Actor.OPERATOR, now=now, period=report.period)
    tell(
        Sentence(
            "Le rapport {period} partira dès qu’un processus « citylife work » ou « serve » tourne.", period=period
        )
    )


@pilot_commands.command(
    "verify",
    help=Sentence(
        "Calcule de nouveau une période arrêtée, et suit la chaîne des rapports.\n\n"
        "Avec --database, aussi à partir des lignes d’une copie de la base prise quand elle a été arrêtée : ce que la "
        "purge ou un effacement en avait déjà ôté est dit à part, et n’est pas une erreur."
    ),
)
@click.argument("period")
@option("--database", "copy", help=Sentence("L’adresse de la copie (une URL), ou le fichier d’une base SQLite."))
@click.pass_obj
def verify_period(desk: Desk, period: str, copy: str | None) -> None:
    """Verify a period."""
    wanted = read_period(period)
    recount = Recount()
    with desk.engine() as engine, reading(engine)() as session:
        _last_report(session, wanted)
        differences = verify(session, wanted)
        if copy is not None:
            recount = _from_copy(session, wanted, copy)
            differences += recount.differences
    _tell_apart(recount)
    if not differences and not recount.left and not recount.late:
        tell(Sentence("Tout concorde : {period} se retrouve chiffre pour chiffre.", period=period))
        return
    if not differences:
        tell(Sentence("Rien ne contredit ce qui a été gardé de {period}.", period=period))
        return
    _tell_each(differences, err=True)
    raise Mistake("{count} différences : {period} ne se retrouve pas.", count=len(differences), period=period)


def _tell_apart(recount: Recount) -> None:
    """Tell what the copy has less, or more, for a reason that is no error."""
    if recount.left:
        tell(
            Sentence(
                "Moins dans la copie, par la purge ou un effacement depuis que le jour a été compté : {count}.",
                count=len(recount.left),
            )
        )
        _tell_each(recount.left)
    if recount.late:
        tell(Sentence("Plus dans la copie, venu après que le jour a été arrêté : {count}.", count=len(recount.late)))
        _tell_each(recount.late)


def _tell_each(differences: Sequence[Difference], *, err: bool = False) -> None:
    for each in differences[:MOST_SHOWN]:
        said = Sentence("{what} : {kept} gardé, {found} retrouvé", what=each.what, kept=each.kept, found=each.found)
        click.echo("  " + here(said), err=err)


def _from_copy(session: Session, period: Period, copy: str) -> Recount:
    url = copy if "://" in copy else f"sqlite:///{copy}"
    if make_url(url).get_backend_name() == "sqlite" and not Path(make_url(url).database or "").exists():
        raise Mistake("Il n’y a pas de base de données à {path}.", path=copy)
    engine = engine_for(url)
    try:
        see_schema(engine)
        with reading(engine)() as rows:
            return verify_from_rows(session, period, rows)
    except SQLAlchemyError as error:
        raise Mistake("La copie ne peut pas être lue : {path}.", path=copy) from error
    finally:
        engine.dispose()


def _last_report(session: Session, period: Period) -> PilotReport:
    versions = reports_of(session, period)
    if not versions:
        raise Mistake("La période {period} n’est pas arrêtée.", period=str(period))
    return versions[-1]
