"""Several at the same moment: the second begins while the first has not yet committed, or all do as they come."""

import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.orm import Session, sessionmaker

HEAD_START: Final = 0.25
"""Seconds the second has to get as far as it can before the first commits."""
Deed = Callable[[Session], Any]


def overlapping(
    sessions: sessionmaker[Session], first: Deed, second: Deed, *, then: Deed | None = None
) -> tuple[Any, Any]:
    """Run two deeds in two transactions that overlap, both committed; what each returned or raised.

    `then` is what the first still does when the second has got as far as it can: two that wait for each other show.

    Where nothing makes the second wait, it finishes within its head start and has not seen the first's work: so a
    missing lock shows every time, not once in a thousand runs.
    """
    outcome: list[Any] = []

    def run_second() -> None:
        try:
            with sessions() as session, session.begin():
                outcome.append(second(session))
        except Exception as error:  # noqa: BLE001 - the test judges what it was
            outcome.append(error)

    thread = threading.Thread(target=run_second)
    with sessions() as session, session.begin():
        done = first(session)
        session.flush()
        thread.start()
        thread.join(HEAD_START)
        if then is not None:
            then(session)
    thread.join(60)
    assert not thread.is_alive()
    return done, outcome[0]


def at_once(deed: Callable[[int], Any], workers: int = 4) -> None:
    """Do the same in several threads at the same moment, each by its number; what one of them raised, the test sees."""
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            deed(number)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
