"""Small towns frozen for good: an attacker who kept every file that was ever published narrows nothing with it."""

import csv
import io
import itertools
import random
from collections.abc import Sequence

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor
from citylife.geography import communes
from citylife.pilot import figures, secrecy
from citylife.pilot.areas import areas
from citylife.pilot.cells import AGGLOMERATION, Figure, Hidden, Kind
from citylife.pilot.counting import Line
from citylife.pilot.freezing import Counting, freeze
from citylife.pilot.periods import A_WEEK, Period, read_period
from citylife.pilot.stocks import Stocks
from tests import builders
from tests.pages.conftest import Browser
from tests.pilot.attack import narrowed, narrowed_parts
from tests.pilot.small_towns import SmallTown, a_small_town

Sessions = sessionmaker[Session]
ACCEPTED, NEARBY, FOLLOWS = "deliveries-accepted", "nearby-accepted", "new-follows"
SHARE = "nearby-share"
"""Of what was accepted, in a hundred."""


class FrozenTown:
    """A town of few areas, a shop in each, whose periods are frozen one after the other, and what was taken of it."""

    def __init__(self, sessions: Sessions, reader: Browser, town: SmallTown, chance: random.Random) -> None:
        self.sessions, self.reader, self.chance, self.periods = sessions, reader, chance, town.periods
        self.lines: dict[Line, int] = {}
        self.kept: dict[int, list[Figure]] = {}
        with sessions.begin() as session:
            for place, code in zip(town.areas, areas(), strict=False):
                commune = communes()[areas()[code].insee_codes[0]]
                where = commune.latitude, commune.longitude
                begun = town.periods[0].begins - A_WEEK
                shop = builders.a_shop(session, position=where, insee_code=commune.insee_code, now=begun)
                for day in town.days:
                    self.happen(day, shop.id, town.events[place, day])

    def happen(self, day, shop_id, many: int) -> None:
        """So many follows, three times as many notifications, and of these some to who has a place near."""
        near = sum(self.chance.random() < 0.5 for _ in range(3 * many))
        for counted, count in ((FOLLOWS, many), (ACCEPTED, 3 * many), (NEARBY, near)):
            self.lines[day, counted, shop_id, 0] = self.lines.get((day, counted, shop_id, 0), 0) + count

    def tell(self, *, disorder: bool) -> list[Figure]:
        """Freeze everything, with errata of some after what came late; what was published, in its order."""
        self.periods.sort(key=lambda each: (each.end, -each.first.toordinal()))
        if disorder:
            self.chance.shuffle(self.periods)
        for number, period in enumerate(self.periods):
            self.freeze(period)
            if self.chance.random() < 0.3:
                late = self.chance.choice(self.periods[: number + 1])
                for _ in range(self.chance.randint(1, 3)):
                    day, _, shop_id, _ = self.chance.choice([line for line in self.lines if line[0] in late.days()])
                    self.happen(day, shop_id, 1)
                self.freeze(late, reason="Un lot arrivé en retard.")
        return [figure for _, told in sorted(self.kept.items()) for figure in told]

    def freeze(self, period: Period, reason: str = "") -> None:
        days = set(period.days())
        lines = {line: count for line, count in self.lines.items() if line[0] in days and count}
        with self.sessions.begin() as session:
            counting = Counting(period, lines, Stocks({("eligible-shops", AGGLOMERATION): 0}), {})
            freeze(session, counting, revision="abc", reason=reason, actor=Actor.SYSTEM, now=builders.NOW)
        for each in self.periods:
            self.take(each)

    def take(self, period: Period) -> None:
        """What is published of a period, for programs and for a spreadsheet, as it stands now."""
        answer = self.reader.client.get(f"/pilote/{period}/chiffres.json")
        if answer.status_code == 404:
            return
        content = answer.get_json(force=True)
        text = self.reader.client.get(f"/pilote/{period}/chiffres.csv").get_data(as_text=True).lstrip("\ufeff")
        rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
        told = [(each["key"], each["territory"], str(each.get("value", ""))) for each in content["figures"]]
        assert told == [(row["key"], row["territory"], row["value"]) for row in rows]
        self.kept[content["number"]] = [
            Figure(
                key=row["key"],
                territory=row["territory"],
                period=read_period(row["period"]),
                version=int(row["version"]),
                value=float(row["value"]) if row["value"] else None,
                reason=Hidden(row["hidden"]) if row["hidden"] else None,
            )
            for row in rows
        ]


def of(told: Sequence[Figure], *keys: str) -> list[Figure]:
    return [figure for figure in told if figure.key in keys]


@pytest.fixture
def published(street: Sessions, reader: Browser, monkeypatch: pytest.MonkeyPatch):
    """Tells everything that was ever published of a town, which has as few areas as shops."""

    def tell(seed: int, *, disorder: bool) -> list[Figure]:
        chance = random.Random(seed)
        town = a_small_town(chance)
        few = dict(list(areas().items())[: len(town.areas)])
        monkeypatch.setattr(figures, "areas", lambda: few)
        told = FrozenTown(street, reader, town, chance).tell(disorder=disorder)
        assert {figure.value is None for figure in of(told, ACCEPTED)} == {True, False}
        assert max(figure.version for figure in told) > 1
        return told

    return tell


def counts_betrayed(told: Sequence[Figure]) -> list[str]:
    """What she narrows, believing everything or only the last version of each period."""
    both = itertools.product((FOLLOWS, ACCEPTED), (False, True))
    return [found for key, last in both for found in narrowed(of(told, key), Kind.FLOW, only_last=last)]


def parts_betrayed(told: Sequence[Figure]) -> list[str]:
    """The same of what ratios are made of."""
    some = of(told, ACCEPTED, SHARE)
    return [found for last in (False, True) for found in narrowed_parts(some, SHARE, ACCEPTED, 100, only_last=last)]


@pytest.mark.parametrize(
    ("seed", "disorder"),
    [(7, False), pytest.param(7, True, marks=pytest.mark.long), pytest.param(5, True, marks=pytest.mark.long)],
)
def test_what_was_published_of_a_town_betrays_nobody(published, seed: int, disorder: bool):
    assert counts_betrayed(published(seed, disorder=disorder)) == []


def test_without_secondary_suppression_it_does(published, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(secrecy, "_giving_way", lambda _values, _hidden, _betrays: set())
    assert counts_betrayed(published(7, disorder=False)) != []


@pytest.mark.parametrize(("seed", "disorder"), [(5, False), pytest.param(16, True, marks=pytest.mark.long)])
def test_nor_do_ratios_by_their_part_or_by_what_is_beside_it(published, seed: int, disorder: bool):
    assert parts_betrayed(published(seed, disorder=disorder)) == []


def test_where_only_small_ratios_are_withheld_they_do(published, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(secrecy._Telling, "_ratio_betrays", lambda *_: False)
    assert parts_betrayed(published(5, disorder=False)) != []
