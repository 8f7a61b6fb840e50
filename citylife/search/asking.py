"""Asking: what was typed is read as words that exist here, and these lead to shops or offers, the closest first.

A few short statements, each the same on SQLite and on PostgreSQL. Every word says how many things it leads to, up to a
bound, along the key of `search_entries`. For a word that leads to few or none, its trigrams lead to those most like it
(the key of `search_grams`); which of them are close is a matter of letters (optimal string alignment). Then things are
looked up from the word that leads to the fewest, at most five hundred, names first, and the other words sought on each
(`ix_search_entries_thing`). Where even that word leads to many, one that names a commune becomes the place to look in
(`ix_search_entries_place`; within a trade `ix_search_entries_trade`).
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection

from citylife.ledger.statements import NIL, Statement, identifier, stored
from citylife.search.tables import Found
from citylife.search.words import (
    BEGINS,
    EXACT,
    PLURAL,
    closeness,
    communes_by_word,
    errors_forgiven,
    grams_of,
    words_of,
)

MOST_WORDS: Final = 6
"""Words of a question that are heeded."""
MOST_ALIKE: Final = 40
"""Words of a like spelling that are looked at, for each that was asked."""
MOST_MEANINGS: Final = 6
MOST_PLACES: Final = 8
MANY: Final = 300
"""From so many things on, a word leads to too many to look at each by itself."""
COUNTED: Final = 1500
"""How far a word's things are counted."""
BOUND: Final = 500
"""How many entries of words are looked at, at most; those of names come first."""
ESTABLISHED: Final = 20
"""A word that leads to so many things is no typing error: only its plural or singular is meant beside it."""
STEP: Final = 12
"""Statements have room for words and trigrams by so many: few are prepared, and few rooms stay empty."""
BY_KEY: Final = "ORDER BY e.word, e.penalty, e.thing_id"
LAST_LETTER: Final = "\U0010ffff"
BEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing found, and how well it answers; hits are ordered by the score, the best first, then by id."""

    score: int
    thing_id: uuid.UUID


@dataclass(slots=True)
class Asked:
    """A word that was asked: what it may mean, closest first, and how many things that leads to, up to a bound."""

    word: str
    last: bool
    meanings: list[tuple[str, int]] = field(default_factory=list)
    leads_to: int = 0

    def places(self) -> frozenset[str]:
        """The communes it names, when no other word is closer to it."""
        best = self.meanings[0][1] if self.meanings else 0
        named = (communes_by_word().get(word, frozenset()) for word, close in self.meanings if close == best)
        return frozenset().union(*named)


def ask(
    connection: Connection,
    kind: Found,
    q: str,
    *,
    insee_code: str | None = None,
    category: str | None = None,
    after: Hit | None = None,
    limit: int,
    now: dt.datetime,
) -> list[Hit]:
    """A page of what answers `q`: each of its words stands in the name, the trade or the commune, or nearly so.

    The last word may be unfinished. Words of up to three letters are taken as they are written; from four letters on
    one error is forgiven, from eight two. Offers whose end has passed are not found.
    """
    words = words_of(q)[:MOST_WORDS]
    if not words:
        return []
    asked = read_words(connection, kind, words)
    if not all(word.leads_to for word in asked):
        return []
    asked.sort(key=lambda word: word.leads_to)
    places = [] if insee_code is None else [insee_code]
    if not places and asked[0].leads_to >= MANY:
        asked, places = with_place(asked)
    return _find(connection, kind, asked, places=places, category=category or "", after=after, limit=limit, now=now)


def with_place(asked: Sequence[Asked]) -> tuple[list[Asked], list[str]]:
    """The words less those that name a commune, and the communes; all of them and no place where nothing would stay."""
    placed = [(word, word.places()) for word in asked]
    others = [word for word, places in placed if not places]
    named = [places for _, places in placed if places]
    common = frozenset.intersection(*named) if named else frozenset()
    if not others or not 1 <= len(common) <= MOST_PLACES:
        return list(asked), []
    return others, sorted(common)


def read_words(connection: Connection, kind: Found, words: Sequence[str]) -> list[Asked]:
    """What each word may mean here, and how many things it leads to."""
    asked = [Asked(word, last=number == len(words) - 1) for number, word in enumerate(words)]
    forms = {word.word: _forms(word.word) for word in asked}
    counts, begun = _count(connection, kind, {form for several in forms.values() for form in several}, words[-1])
    unsure = [word for word in words if errors_forgiven(word) and counts[word] < ESTABLISHED]
    alike = _alike(connection, unsure) if unsure else {}
    more = {other for several in alike.values() for other in several} - counts.keys()
    if more:
        counts |= _count(connection, kind, more)[0]
    for word in asked:
        meant = {form: EXACT if form == word.word else PLURAL for form in forms[word.word]}
        meant = {**alike.get(word.word, {}), **meant}
        ranked = sorted((-close, other) for other, close in meant.items() if counts[other])[:MOST_MEANINGS]
        word.meanings = [(other, -close) for close, other in ranked]
        found = sum(counts[other] for other, _ in word.meanings)
        word.leads_to = max(found, begun) if word.last else found
    return asked


def _forms(word: str) -> list[str]:
    """The word itself, and its plural or its singular."""
    if errors_forgiven(word) == 0:
        return [word]
    return [word, word[:-1]] if word[-1] in "sx" else [word, word + "s", word + "x"]


def _count(connection: Connection, kind: Found, words: set[str], begun: str = "") -> tuple[dict[str, int], int]:
    """How many things each word leads to, and a word that begins with `begun`; up to a bound."""
    room = _room(len(words))
    values: dict[str, Any] = {"kind": kind.value, "low": begun, "high": begun and begun + LAST_LETTER}
    for number, word in enumerate([*sorted(words), *[""] * (room - len(words))]):
        values[_blank("word", number)] = word
    counts = dict(_counts_statement(room).run(connection, values).all())
    return {word: counts[word] for word in words}, counts[None]


def _alike(connection: Connection, words: Sequence[str]) -> dict[str, dict[str, int]]:
    """For each word, those that are close to it, and how close."""
    grams = [(number, gram) for number, word in enumerate(words) for gram in sorted(grams_of(word))]
    room = _room(len(grams))
    values: dict[str, Any] = {}
    for number, word in enumerate(words):
        values |= _reach(number, word)
    for at, (number, gram) in enumerate([*grams, *[(0, "")] * (room - len(grams))]):
        values |= {_blank("of", at): number, _blank("gram", at): gram}
    found: dict[str, dict[str, int]] = {}
    for number, other in _alike_statement(len(words), room).run(connection, values).all():
        if close := closeness(words[number], other):
            found.setdefault(words[number], {})[other] = close
    return {
        word: dict(sorted(several.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_MEANINGS])
        for word, several in found.items()
    }


def _reach(number: int, word: str) -> dict[str, int]:
    """Between which lengths a word is sought, and how many trigrams it must share: an error spoils four at most."""
    errors = errors_forgiven(word)
    return {
        _blank("shortest", number): len(word) - errors,
        _blank("longest", number): len(word) + errors,
        _blank("least", number): max(1, len(grams_of(word)) - 4 * errors),
    }


def _room(wanted: int) -> int:
    return max(1, -(-wanted // STEP)) * STEP


def _find(
    connection: Connection,
    kind: Found,
    asked: Sequence[Asked],
    *,
    places: Sequence[str],
    category: str,
    after: Hit | None,
    limit: int,
    now: dt.datetime,
) -> list[Hit]:
    values: dict[str, Any] = {
        "kind": kind.value,
        "category": category,
        "now": stored(connection, now),
        "asked": len(asked),
        "below": BEST if after is None else after.score,
        "behind": stored(connection, NIL if after is None else after.thing_id),
        "most": limit,
    }
    for number, place in enumerate(_padded(places, MOST_PLACES)):
        values[_blank("place", number)] = place
    for number, word in enumerate(asked):
        meanings = word.meanings or [(word.word, EXACT)]
        padded = [*meanings, *[("", 0) if number == 0 else meanings[0]] * (MOST_MEANINGS - len(meanings))]
        for meaning, (other, close) in enumerate(padded):
            values |= {_blank(f"word_{chr(97 + number)}", meaning): other}
            values |= {_blank(f"close_{chr(97 + number)}", meaning): close}
        if word.last:
            values |= {"low": word.word, "high": word.word + LAST_LETTER}
    last = next((number for number, word in enumerate(asked) if word.last), None)
    statement = _find_statement(len(asked), last, placed=bool(places), traded=bool(category))
    rows = statement.run(connection, values).all()
    return [Hit(int(score), identifier(thing_id)) for thing_id, score in rows]


def _padded(places: Sequence[str], most: int) -> list[str]:
    return [*places, *[places[0] if places else ""] * (most - len(places))]


def _blank(name: str, number: int) -> str:
    """The name of a value in a statement, which is of letters only."""
    return f"{name}_{chr(97 + number // 26)}{chr(97 + number % 26)}"


def _rows(count: int, *names: str) -> str:
    """The rows of a VALUES list."""
    return ", ".join(f"({', '.join(f':{_blank(name, number)}' for name in names)})" for number in range(count))


@cache
def _counts_statement(room: int) -> Statement:
    """How many things each word leads to; in the row without a word, how many a beginning does."""
    return Statement(
        f"""
        WITH sought (word) AS (VALUES {_rows(room, "word")})
        SELECT word, (
            SELECT count(*) FROM (
                SELECT 1 FROM search_entries e WHERE e.kind = :kind AND e.word = sought.word LIMIT {COUNTED}
            ) AS counted
        ) FROM sought WHERE word <> ''
        UNION ALL
        SELECT NULL, count(*) FROM (
            SELECT 1 FROM search_entries e WHERE e.kind = :kind AND e.word >= :low AND e.word < :high LIMIT {COUNTED}
        ) AS begun
        """
    )


@cache
def _alike_statement(words: int, room: int) -> Statement:
    """For each word those that share the most of its trigrams, of a length that an error or two can explain."""
    asked = ", ".join(
        f"({number}, :{_blank('shortest', number)}, :{_blank('longest', number)}, :{_blank('least', number)})"
        for number in range(words)
    )
    return Statement(
        f"""
        WITH asked (number, shortest, longest, least) AS (VALUES {asked}),
        parts (number, gram) AS (VALUES {_rows(room, "of", "gram")})
        SELECT number, word FROM (
            SELECT a.number AS number, g.word AS word,
                   row_number() OVER (PARTITION BY a.number ORDER BY count(*) DESC, g.word) AS place
            FROM parts p CROSS JOIN asked a CROSS JOIN search_grams g
            WHERE p.number = a.number AND g.gram = p.gram AND g.length BETWEEN a.shortest AND a.longest
            GROUP BY a.number, g.word, a.least HAVING count(*) >= a.least
        ) AS ranked WHERE place <= {MOST_ALIKE}
        """
    )


@cache
def _find_statement(words: int, last: int | None, *, placed: bool, traded: bool) -> Statement:
    """Things that every word leads to; `last` is the one that may be unfinished, word 0 the one to start from."""
    within = f" AND e.insee_code IN ({_names('place', MOST_PLACES)})" if placed else ""
    within += " AND e.category = :category" if traded else ""
    probes = [_probe(number, unfinished=number == last) for number in range(1, words)]
    named = [f"also_{chr(97 + number)}" for number in range(1, words)]
    seen = "".join(f", {probe} AS {name}" for probe, name in zip(probes, named, strict=True))
    total = " + ".join(["score", *named])
    every = " AND ".join([f"{name} IS NOT NULL" for name in named] or ["1 = 1"])
    return Statement(
        *(
            f"""
            WITH means (word, close) AS (VALUES {_rows(MOST_MEANINGS, "word_a", "close_a")}),
            looked AS MATERIALIZED (
                SELECT first.thing_id AS thing_id, first.score AS score{seen} FROM (
                    SELECT thing_id, max(score) AS score FROM ({arms}) AS hits GROUP BY thing_id
                ) AS first
            )
            SELECT thing_id, total FROM (SELECT thing_id, {total} AS total FROM looked WHERE {every}) AS found
            WHERE total < :below OR (total = :below AND thing_id > :behind)
            ORDER BY total DESC, thing_id LIMIT :most
            """
            for arms in _arms(within, unfinished=last == 0)
        )
    )


def _arms(within: str, *, unfinished: bool) -> tuple[str, str]:
    """The things of the words that word 0 means, or begins; on SQLite, and on PostgreSQL.

    SQLite reads its table in the order of its key, names first. A planner of PostgreSQL's may find another way, and so
    another five hundred: it is told, for each of the words.
    """
    meant, begun = "e.word = a.word", "e.word >= :low AND e.word < :high"
    sqlite = [_arm("means a CROSS JOIN search_entries e", meant, "a.close", within)]
    of_each = _arm("search_entries e", meant, "a.close", within, BY_KEY)
    postgresql = [f"SELECT * FROM (SELECT l.* FROM means a CROSS JOIN LATERAL ({of_each}) AS l LIMIT {BOUND}) AS arm"]
    if unfinished:
        sqlite.append(_arm("search_entries e", begun, str(BEGINS), within))
        postgresql.append(_arm("search_entries e", begun, str(BEGINS), within, BY_KEY))
    return " UNION ALL ".join(sqlite), " UNION ALL ".join(postgresql)


def _arm(source: str, condition: str, close: str, within: str, order: str = "") -> str:
    """The things of some words; a name with words that were not asked answers a little less."""
    return f"""
        SELECT * FROM (
            SELECT e.thing_id AS thing_id, {close} - e.penalty
                - CASE WHEN abs(e.words - :asked) > 9 THEN 9 ELSE abs(e.words - :asked) END AS score
            FROM {source}
            WHERE e.kind = :kind AND {condition}{within} AND (e.ends_at IS NULL OR e.ends_at > :now)
            {order} LIMIT {BOUND}
        ) AS arm
    """


def _probe(number: int, *, unfinished: bool) -> str:
    """How well a thing already found answers one word more; NULL when it does not."""
    letter = chr(97 + number)
    values = [
        (f":{_blank(f'word_{letter}', meaning)}", f":{_blank(f'close_{letter}', meaning)}")
        for meaning in range(MOST_MEANINGS)
    ]
    cases = " ".join(f"WHEN {word} THEN {close}" for word, close in values)
    begun = " OR (e.word >= :low AND e.word < :high)" if unfinished else ""
    return (
        f"(SELECT max(CASE e.word {cases} ELSE {BEGINS} END - e.penalty) FROM search_entries e "
        f"WHERE e.thing_id = first.thing_id AND (e.word IN ({', '.join(word for word, _ in values)}){begun}))"
    )


def _names(name: str, count: int) -> str:
    return ", ".join(f":{_blank(name, number)}" for number in range(count))
