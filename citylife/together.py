"""What several requests of one process write at the same time is one transaction: one wait for the disk, for all.

Whoever comes first goes at once. Who comes while she is under way waits, and goes with all that wait by then: a request
alone waits for nobody, and the more there are, the less each of them costs.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from citylife.hot import KeptConnections
from citylife.ledger.statements import Statement, run_in_turn

UNDONE: Final = ("23", "40")
"""Classes of SQLSTATE that say that nothing was kept, for what a single one of the requests may have asked."""
UNKNOWN: Final = "40003"
"""The one among them that does not say so."""


class _Turn:
    """One request's part of a transaction, and what came of it."""

    __slots__ = ("answer", "failure", "gate", "leads", "values", "who")

    def __init__(self, who: object, values: Mapping[str, Any]) -> None:
        self.who, self.values = who, values
        self.answer: Any = None
        self.failure: BaseException | None = None
        self.leads = False
        self.gate = threading.Lock()
        self.gate.acquire()


class Together:
    """Requests for the same statements of PostgreSQL, which take a list of every value: one of each request.

    The first statement answers in its first column whose row it is: the place in those lists, from 1 on. Nobody is
    twice in one transaction: her second request goes with the next.
    """

    def __init__(self, kept: KeptConnections, statements: Sequence[Statement]) -> None:
        self._kept, self._statements = kept, statements
        self._door = threading.Lock()
        self._under_way = False
        self._waiting: list[_Turn] = []

    def run(self, who: object, values: Mapping[str, Any]) -> Any:
        """The first statement's row of this request, once it is committed; None where it has none.

        Where a transaction of several is undone for what one of them asked, each goes by itself.

        Raises:
            DBAPIError: what `KeptConnections.write` raises, to all who were in the transaction.
        """
        turn = _Turn(who, values)
        with self._door:
            if self._under_way:
                self._waiting.append(turn)
            else:
                self._under_way = turn.leads = True
        if not turn.leads:
            turn.gate.acquire()
        if turn.leads:
            self._lead(turn)
        if turn.failure is not None:
            raise turn.failure
        return turn.answer

    def _lead(self, mine: _Turn) -> None:
        """Take along all that wait, and then give the lead to the first of those who came meanwhile."""
        turns = [mine]
        try:
            turns = self._all_that_go(mine)
            self._go(turns)
        finally:
            for turn in turns[1:]:
                turn.gate.release()
            self._hand_over()

    def _all_that_go(self, mine: _Turn) -> list[_Turn]:
        going = {mine.who: mine}
        with self._door:
            for turn in self._waiting:
                going.setdefault(turn.who, turn)
            self._waiting = [turn for turn in self._waiting if going[turn.who] is not turn]
        return list(going.values())

    def _hand_over(self) -> None:
        with self._door:
            if not self._waiting:
                self._under_way = False
                return
            first = self._waiting.pop(0)
        first.leads = True
        first.gate.release()

    def _go(self, turns: Sequence[_Turn]) -> None:
        try:
            self._write(turns)
        except BaseException as failure:  # noqa: BLE001 - each raises it in a thread of its own
            apart = len(turns) > 1 and _was_undone(failure)
            for turn in turns:
                turn.failure = None if apart else failure
                if apart:
                    self._go([turn])

    def _write(self, turns: Sequence[_Turn]) -> None:
        values = {name: [turn.values[name] for turn in turns] for name in turns[0].values}
        rows = self._kept.write(lambda connection: run_in_turn(connection, self._statements, values), waits=False)[0]
        for row in rows:
            turns[row[0] - 1].answer = row


def _was_undone(failure: BaseException) -> bool:
    said = str(getattr(failure.orig, "sqlstate", "")) if isinstance(failure, DBAPIError) else ""
    return said.startswith(UNDONE) and said != UNKNOWN
