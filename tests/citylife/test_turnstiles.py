"""Turnstiles: how often somebody calls, in the memory of a process."""

import datetime as dt
import threading

import pytest

from citylife.limits import Limit, TooFast
from citylife.turnstiles import Turnstile

FIVE = Limit("five", 5, dt.timedelta(minutes=1))
NOON = 43_200.0
SHE, HE = 1, 2


def test_as_many_as_allowed_at_once_and_then_at_an_even_pace():
    stile = Turnstile(FIVE)
    assert [stile.room(stile.take(SHE, NOON)).remaining for _ in range(5)] == [4, 3, 2, 1, 0]

    with pytest.raises(TooFast) as refused:
        stile.take(SHE, NOON)

    assert round(refused.value.retry_after.total_seconds(), 3) == 12
    assert refused.value.room.remaining == 0
    assert refused.value.room.reset == FIVE.window
    with pytest.raises(TooFast):
        stile.take(SHE, NOON + 11.9)
    stile.take(SHE, NOON + 12)
    assert stile.room(stile.take(SHE, NOON + 100)).remaining == 4


def test_others_are_not_held_up():
    stile = Turnstile(FIVE)
    for _ in range(5):
        stile.take(SHE, NOON)

    assert stile.take(HE, NOON) == 12


def test_many_threads_never_get_more_than_there_is():
    stile = Turnstile(Limit("many", 500, dt.timedelta(hours=1)))
    passed: list[float] = []
    together = threading.Barrier(8)

    def call() -> None:
        together.wait()
        for _ in range(200):
            try:
                passed.append(stile.take(SHE, NOON))
            except TooFast:
                continue

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 500


def test_only_those_who_were_here_or_were_admitted_are_known():
    stile = Turnstile(FIVE)
    assert stile.take_if_known(SHE, NOON) is None
    assert not stile.knows(SHE)

    stile.admit(SHE, NOON)

    assert stile.take_if_known(SHE, NOON) == 12


def test_admitting_somebody_again_forgives_nothing():
    stile = Turnstile(FIVE)
    for _ in range(5):
        stile.take(SHE, NOON)

    stile.admit(SHE, NOON)

    with pytest.raises(TooFast):
        stile.take(SHE, NOON)


def test_its_memory_is_bounded_and_those_who_wait_for_nothing_are_forgotten_first():
    stile = Turnstile(FIVE, most_subjects=100)
    for _ in range(5):
        stile.take(SHE, NOON + 50)
    for number in range(10, 109):
        stile.take(number, NOON)

    stile.take(HE, NOON + 50)

    assert stile.knows(SHE)
    assert not stile.knows(10)
    with pytest.raises(TooFast):
        stile.take(SHE, NOON + 50)
    for number in range(10_000):
        stile.take(1_000 + number, NOON + 50)
    assert len(stile._ahead) <= 100
