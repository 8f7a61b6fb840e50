"""The `citylife` console: what an operator does with an instance, each command answering with an exit code."""

import sys
from collections.abc import Sequence

import click
import structlog

from blueprints.commands.demonstration import demo
from blueprints.commands.desk import Desk, Serving, WebApplication, Working
from blueprints.commands.founding import init
from blueprints.commands.keyring import key_commands
from blueprints.commands.mistakes import explained
from blueprints.commands.oversight import audit_commands, sending
from blueprints.commands.parting import partitions
from blueprints.commands.people import merchants, staff
from blueprints.commands.pilot import pilot_commands
from blueprints.commands.saving import backup, erasures, restore_backup
from blueprints.commands.serving import serve, work
from blueprints.commands.speech import SpokenGroup, here, misuse
from blueprints.commands.upkeep import origins, purge, shop_commands
from citylife.logs import configure_logs
from citylife.wording import Sentence

__all__ = ["Desk", "Serving", "WebApplication", "Working", "commands", "console"]

log = structlog.get_logger(__name__)

FAILED = 1
MISUSED = 2
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells say it."""


@click.group(
    "citylife",
    cls=SpokenGroup,
    help=Sentence(
        "Citylife : les citoyens suivent leurs commerces, les commerces annoncent leurs offres.\n\n"
        "Les réglages se lisent dans les variables CITYLIFE_* ou un fichier .env : voir docs/settings.md."
    ),
)
def commands() -> None:
    """Hold every command."""


for command in (
    init,
    demo,
    serve,
    work,
    merchants,
    staff,
    shop_commands,
    origins,
    sending,
    audit_commands,
    key_commands,
    purge,
    backup,
    restore_backup,
    erasures,
    partitions,
    pilot_commands,
):
    commands.add_command(command)


def console(
    *,
    serve: Serving,
    work: Working,
    arguments: Sequence[str] | None = None,
) -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 misused.

    `serve` and `work` are the composition root's (see `Desk`); `arguments` default to the process's own.
    """
    desk = Desk(serve=serve, work=work)
    try:
        commands.main(args=arguments, prog_name="citylife", obj=desk, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as bare:
        click.echo(bare.format_message(), err=True)
        return MISUSED
    except click.UsageError as wrong:
        return _misused(wrong)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last frame of the process: it explains or logs
        return _failed(error, desk)
    return 0


def _misused(error: click.UsageError) -> int:
    click.echo(f"citylife: {here(misuse(error))}", err=True)
    if error.ctx is not None:
        hint = Sentence("Essayez « {command} --help ».", command=error.ctx.command_path)
        click.echo(here(hint), err=True)
    return MISUSED


def _failed(error: Exception, desk: Desk) -> int:
    sentence = explained(error, desk.__dict__.get("settings"))
    if sentence is None:
        configure_logs(stream=sys.stderr)
        log.error("command.failed", exc_info=error)
        sentence = Sentence("Une erreur imprévue a arrêté cette commande ; le journal ci-dessus la décrit.")
    click.echo(f"citylife: {here(sentence)}", err=True)
    return FAILED
