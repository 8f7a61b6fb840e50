"""The console speaks the operator's language: French at its source, English where LANG asks for it."""

import os
from collections.abc import Callable, Mapping
from copy import copy
from importlib import import_module
from typing import Any, Final, TypeVar

import click

from citylife.wording import DEFAULT_LOCALE, Sentence, best_locale, say

C = TypeVar("C", bound=Callable[..., Any])

_HELP: Final = Sentence("Affiche cette aide.")
_HEADINGS: Final[Mapping[str, Sentence]] = {
    "Options": Sentence("Options"),
    "Commands": Sentence("Commandes"),
}


def spoken_locale(environment: Mapping[str, str] | None = None) -> str:
    """The operator's locale, from LC_ALL, LC_MESSAGES or LANG; French where they name none of ours."""
    environment = os.environ if environment is None else environment
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name, ""):
            return best_locale([value.partition(".")[0].partition("@")[0].replace("_", "-")])
    return DEFAULT_LOCALE


def here(sentence: str) -> str:
    """The sentence in the operator's language."""
    return say(sentence, spoken_locale())


def tell(sentence: str = "", *, err: bool = False) -> None:
    """Print a sentence for the operator; with `err`, beside what a program may read."""
    click.echo(here(sentence) if sentence else "", err=err)


class SpokenFormatter(click.HelpFormatter):
    """Help whose headings are in the operator's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that shows how a command is called."""
        super().write_usage(prog, args, here(Sentence("Usage : ")) if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        super().write_heading(here(_HEADINGS.get(heading, heading)))


class SpokenContext(click.Context):
    """A context whose help is spoken."""

    formatter_class = SpokenFormatter


class SpokenOption(click.Option):
    """An option whose help is a sentence."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return how the option is written and what it does."""
        spoken = copy(self)
        spoken.help = here(self.help or "")
        return click.Option.get_help_record(spoken, ctx)


class _Spoken(click.Command):
    context_class = SpokenContext

    def format_help_text(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        if self.help:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(here(self.help))

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - the interface
        """Return the command's first sentence."""
        return here(self.help or "").partition("\n")[0].rstrip(".")

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the option that shows help."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = here(_HELP)
        return option


class SpokenCommand(_Spoken):
    """A command whose help is a sentence."""


class SpokenGroup(_Spoken, click.Group):
    """A group of commands whose help is a sentence.

    What a command alone needs, and is large, is loaded when it is asked for (`add_later`): web processes go without.
    """

    command_class = SpokenCommand
    group_class = type

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._later: dict[str, tuple[str, str]] = {}

    def add_later(self, name: str, module: str, attribute: str) -> None:
        """Add the command that `module` holds as `attribute`, to be loaded when it is first asked for."""
        self._later[name] = (module, attribute)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command, loaded or not."""
        return sorted({*super().list_commands(ctx), *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loaded now where it was not."""
        if cmd_name in self._later:
            module, attribute = self._later.pop(cmd_name)
            self.add_command(getattr(import_module(module), attribute), cmd_name)
        return super().get_command(ctx, cmd_name)


def option(*names: str, help: str, **attributes: Any) -> Callable[[C], C]:  # noqa: A002 - click's own word
    """Declare an option with its help in a sentence."""
    return click.option(*names, cls=SpokenOption, help=help, **attributes)


def misuse(error: click.UsageError) -> Sentence:
    """Say what was wrong with a command line."""
    match error:
        case click.NoSuchOption():
            return Sentence("L’option « {name} » n’existe pas.", name=error.option_name)
        case click.exceptions.NoSuchCommand():
            return Sentence("La commande « {name} » n’existe pas.", name=error.command_name)
        case click.MissingParameter():
            return Sentence("Il manque {name}.", name=_name(error))
        case click.BadParameter(param=click.Parameter(type=click.Choice(choices=choices))):
            return Sentence("{name} doit être l’un de : {choices}.", name=_name(error), choices=", ".join(choices))
        case click.BadParameter(param=click.Parameter(type=click.IntRange(min=least, max=most))):
            return Sentence(
                "{name} doit être un nombre de {least} à {most}.", name=_name(error), least=str(least), most=str(most)
            )
    return Sentence("{why}", why=error.format_message())


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return ""
    option_names = error.param.opts if isinstance(error.param, click.Option) else []
    return max(option_names, key=len, default=error.param.human_readable_name)
