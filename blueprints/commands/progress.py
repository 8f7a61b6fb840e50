"""How far a long command has come, said on stderr: a bar on a terminal, elsewhere a line now and then."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Final

import click

from blueprints.commands.speech import here
from citylife.wording import Sentence

LINE_EVERY: Final = 5_000
"""Of what is counted, between two lines."""


@contextlib.contextmanager
def progress(
    count: int, label: Sentence, line: Sentence, *, every: int | None = None
) -> Iterator[Callable[[int], None]]:
    """Hand out what is to be told how much more is done; `line` says `done` of `count`, `label` stands by the bar."""
    if sys.stderr.isatty():
        with click.progressbar(length=count, label=here(label), file=sys.stderr) as bar:
            yield bar.update
        return
    done, every = 0, every or LINE_EVERY

    def advance(more: int) -> None:
        nonlocal done
        if (done + more) // every > done // every:
            click.echo(here(line.format(done=done + more, count=count)), err=True)
        done += more

    yield advance
