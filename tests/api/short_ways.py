"""To see whether a short way answered a request, or left it to the view, and what it said in the log."""

import orjson
from sqlalchemy import select

from blueprints.application import Answer
from citylife.accounts.citizens import CitizenDay


class Watched:
    """The short way of a path, which notes of each request whether it answered it."""

    def __init__(self, app, path: str) -> None:
        self.app, self._path = app, path
        self._way = app.short_ways[path]
        self.answered: list[bool] = []
        self.open()

    def open(self) -> None:
        self.app.short_ways[self._path] = self

    def close(self) -> None:
        del self.app.short_ways[self._path]

    def __call__(self, environ) -> Answer | None:
        self.answered.append(False)
        answer = self._way(environ)
        self.answered[-1] = answer is not None
        return answer


def told(answer):
    """All that is said by an answer."""
    return answer.status, list(answer.headers), answer.data


def days_ago(town) -> list[int]:
    """How many days ago somebody was seen, the latest last."""
    with town.sessions() as session:
        return sorted(
            ((town.clock().date() - day).days for day in session.scalars(select(CitizenDay.day))), reverse=True
        )


def logged(capfdbinary) -> list[dict]:
    """The lines of the log that tell of requests."""
    return [orjson.loads(line) for line in capfdbinary.readouterr().err.splitlines() if b'"request"' in line]
