"""`citylife shops import`: brings shops from a file of OpenStreetMap or SIRENE, and says what became of each row."""

import contextlib
import csv
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.progress import progress
from blueprints.commands.speech import SpokenCommand, here, option, tell
from citylife import audit
from citylife.addresses import AddressService
from citylife.audit import Actor
from citylife.imports import (
    Candidate,
    FileRefused,
    Intake,
    Outcome,
    Row,
    Source,
    Verdict,
    known_spots,
    open_source,
    take,
)
from citylife.settings import Settings
from citylife.wording import Sentence

BATCH: Final = 500
"""Rows a transaction, and the most that an interruption loses."""
BARE_BATCH: Final = 50
"""Rows a transaction that have an address to be asked for: some seconds of asking."""
ATTEMPTS: Final = 3
"""How often a batch is written anew because somebody else has just written the same shop."""
COLUMNS: Final = ("row", "source", "name", "verdict", "reason", "remarks", "page")
LONGEST_CELL: Final = 200
_FORMULA: Final = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet runs instead of showing."""


class Tally:
    """What became of the rows so far: counted, and handed on to the report."""

    def __init__(self, report: Callable[[Outcome], None]) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        self.reasons: Counter[Sentence] = Counter()
        self.remarks: Counter[Sentence] = Counter()
        self._report = report

    @property
    def written(self) -> int:
        """How many rows changed the directory."""
        return self.verdicts[Verdict.TAKEN] + self.verdicts[Verdict.UPDATED]

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count the rows of a batch whose shops are kept by now."""
        for outcome in outcomes:
            self.verdicts[outcome.verdict] += 1
            if outcome.reason is not None:
                self.reasons[outcome.reason] += 1
            if outcome.verdict in {Verdict.TAKEN, Verdict.UPDATED}:
                self.remarks.update(outcome.remarks)
            self._report(outcome)

    def tell(self) -> None:
        """Print the numbers, the most frequent reasons first."""
        tell(Sentence("{count} pris", count=self.verdicts[Verdict.TAKEN]))
        tell(Sentence("{count} mis à jour", count=self.verdicts[Verdict.UPDATED]))
        _tell_each(self.remarks)
        tell(Sentence("{count} inchangés", count=self.verdicts[Verdict.UNCHANGED]))
        tell(Sentence("{count} refusés", count=self.verdicts[Verdict.REFUSED]))
        _tell_each(self.reasons)


def _tell_each(sentences: Counter[Sentence]) -> None:
    for sentence, count in sentences.most_common():
        click.echo("  " + here(Sentence("{count} : {reason}", count=count, reason=sentence)))


@click.command(
    "import",
    cls=SpokenCommand,
    help=Sentence(
        "Ajoute à l’annuaire les commerces d’un fichier : export GeoJSON d’OpenStreetMap, ou CSV SIRENE de l’INSEE.\n\n"
        "Le même fichier, une seconde fois, ne change rien. Un commerce déjà revendiqué n’est jamais modifié. "
        "Interrompue, la commande garde ce qui est fait : relancez-la pour continuer."
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--report",
    type=click.Path(path_type=Path),
    help=Sentence("Un fichier CSV où écrire ce que devient chaque ligne, et pourquoi."),
)
@option(
    "--dry-run",
    is_flag=True,
    help=Sentence("N’écrit rien dans l’annuaire : dit ce qui serait fait. Les adresses sont demandées quand même."),
)
@click.pass_obj
def import_shops(desk: Desk, file: Path, report: Path | None, *, dry_run: bool) -> None:
    """Import shops from a file."""
    now = desk.clock()
    with contextlib.ExitStack() as stack:
        sessions = stack.enter_context(desk.sessions())
        source = _opened(stack, file)
        tally = Tally(_reporting(stack, report, file))
        intake = Intake(_address_service(stack, desk.settings))
        advance = stack.enter_context(
            progress(source.count, Sentence("Commerces"), Sentence("{done} lignes sur {count}"))
        )
        try:
            for rows in _batches(source):
                tally.add(_taken(sessions, intake, rows, now=now, dry_run=dry_run))
                advance(len(rows))
        except KeyboardInterrupt:
            tell(Sentence("Interrompu. Ce qui est fait est gardé ; relancez la commande pour continuer."))
            raise
        finally:
            if tally.written and not dry_run:
                _note(sessions, source, tally, now=now)
            tally.tell()
    if dry_run:
        tell(Sentence("C’était un essai : l’annuaire n’a pas changé."))


def _opened(stack: contextlib.ExitStack, file: Path) -> Source:
    """The file, verified whole.

    Raises:
        Mistake: it is no file, or a broken one.
    """
    if not file.is_file() and file.exists():
        raise Mistake("« {file} » n’est pas un fichier.", file=str(file))
    try:
        return open_source(stack.enter_context(file.open("rb")))
    except FileRefused as refused:
        raise Mistake(
            "« {file} » est refusé, et rien n’est écrit. {why}", file=str(file), why=refused.sentence
        ) from None


def _address_service(stack: contextlib.ExitStack, settings: Settings) -> AddressService | None:
    if not settings.geocoder_url:
        return None
    return stack.enter_context(AddressService(settings.geocoder_url, contact=settings.contact))


def _batches(source: Source) -> Iterator[list[Row]]:
    """The rows in batches, shorter ones where addresses will have to be asked for."""
    rows: list[Row] = []
    bare = 0
    for row in source.rows:
        rows.append(row)
        bare += row.refusal is None and row.position is None
        if len(rows) == BATCH or bare == BARE_BATCH:
            yield rows
            rows, bare = [], 0
    if rows:
        yield rows


def _taken(
    sessions: sessionmaker[Session], intake: Intake, rows: Sequence[Row], *, now: dt.datetime, dry_run: bool
) -> list[Outcome]:
    """What became of the rows of one batch, in their order. No transaction is open while addresses are asked for."""
    with sessions() as session:
        spots = known_spots(session, rows)
    candidates, outcomes = intake.prepare(rows, spots)
    outcomes += _written(sessions, candidates, now=now, dry_run=dry_run)
    return sorted(outcomes, key=lambda outcome: outcome.number)


def _written(
    sessions: sessionmaker[Session], candidates: Sequence[Candidate], *, now: dt.datetime, dry_run: bool
) -> list[Outcome]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with sessions() as session:
                outcomes = take(session, candidates, now=now)
                if not dry_run:
                    session.commit()
                return outcomes
        except IntegrityError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _note(sessions: sessionmaker[Session], source: Source, tally: Tally, *, now: dt.datetime) -> None:
    with sessions.begin() as session:
        audit.note(
            session,
            "shops.imported",
            None,
            actor=Actor.OPERATOR,
            now=now,
            source=source.kind.value,
            rows={verdict.value: tally.verdicts[verdict] for verdict in Verdict},
        )


def _reporting(stack: contextlib.ExitStack, report: Path | None, file: Path) -> Callable[[Outcome], None]:
    """Write each outcome into the report; nowhere where none is asked for.

    Raises:
        Mistake: the report would be written over the file itself.
    """
    if report is None:
        return lambda _outcome: None
    if report.exists() and report.samefile(file):
        raise Mistake("Le rapport effacerait « {file} » : donnez-lui un autre nom.", file=str(file))
    stream = stack.enter_context(report.open("w", encoding="utf-8-sig", newline=""))
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)

    def write(outcome: Outcome) -> None:
        writer.writerow(
            (
                outcome.number,
                outcome.source,
                _cell(outcome.name),
                outcome.verdict.value,
                here(outcome.reason or ""),
                " ".join(here(remark) for remark in outcome.remarks),
                f"/s/{outcome.slug}" if outcome.slug else "",
            )
        )

    return write


def _cell(text: str) -> str:
    """What a stranger wrote, on one line, cut short, and never a formula."""
    text = "".join(mark if mark.isprintable() else " " for mark in text[:LONGEST_CELL]).strip()
    return f"'{text}" if text.startswith(_FORMULA) else text
