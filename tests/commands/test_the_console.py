"""The console explains itself and every mistake in the operator's language, and its exit code tells a script enough."""

import re
import sqlite3

import click
import pytest

import blueprints.commands.founding
from blueprints.commands import commands
from blueprints.commands.speech import spoken_locale
from citylife.wording import _catalog


def every_command() -> list[tuple[str, ...]]:
    """The words of every command and group."""
    found: list[tuple[str, ...]] = [()]

    def walk(group: click.Group, words: tuple[str, ...]) -> None:
        for name, command in sorted(group.commands.items()):
            found.append((*words, name))
            if isinstance(command, click.Group):
                walk(command, (*words, name))

    walk(commands, ())
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_explains_itself_in_both_languages(citylife, words):
    french = citylife(*words, "--help", LANG="fr_FR.UTF-8")
    english = citylife(*words, "--help", LANG="en_GB.UTF-8")
    assert (french.code, french.err, english.code, english.err) == (0, "", 0, "")
    assert "Affiche cette aide." in french.out
    assert "Shows this help." in english.out
    assert f"Usage: {' '.join(('citylife', *words))}" in english.out
    assert not re.search("[éèàçêû]", english.out), "something is not translated"


def test_commands_are_where_the_design_says_they_are():
    words = {" ".join(command) for command in every_command()}
    assert {
        "init",
        "demo",
        "serve",
        "work",
        "merchants invite",
        "merchants key",
        "staff invite",
        "shops import",
        "shops verify",
        "origins list",
        "origins resume",
        "sending stop",
        "sending resume",
        "audit verify",
        "purge",
        "backup",
        "restore",
        "erasures replay",
        "partitions make",
        "partitions undo",
    } <= words


def test_help_needs_no_settings(citylife):
    assert citylife("serve", "--help", CITYLIFE_BASE_URL="not an address").code == 0


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({}, "fr"),
        ({"LANG": "C.UTF-8"}, "fr"),
        ({"LANG": "POSIX"}, "fr"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "fr_BE@euro"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "en_GB", "LC_MESSAGES": "fr_FR"}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "fr"),
    ],
)
def test_the_language_is_the_operators(environment, locale):
    assert spoken_locale(environment) == locale


@pytest.mark.parametrize(
    ("words", "french", "english"),
    [
        (["sevre"], "La commande « sevre » n’existe pas.", "There is no command “sevre”."),
        (["serve", "--prot", "1"], "L’option « --prot » n’existe pas.", "There is no option “--prot”."),
        (["merchants", "invite"], "Il manque EMAIL.", "EMAIL is missing."),
        (["serve", "--port", "0"], "--port doit être un nombre de 1 à 65535.", "--port must be a number from 1 to"),
        (["staff", "invite", "a@b.fr", "--role", "king"], "--role doit être l’un de", "--role must be one of"),
    ],
)
def test_a_misused_command_says_how_in_both_languages(citylife, words, french, english):
    for language, sentence, hint in (("fr_FR", french, "Essayez « "), ("en_GB", english, "Try “")):
        said = citylife(*words, LANG=language)
        assert (said.code, said.out) == (2, "")
        assert sentence in said.err.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
        assert hint.strip() in said.err


def test_a_bare_call_shows_the_help_and_is_a_misuse(citylife):
    said = citylife()
    assert said.code == 2
    assert "demo" in said.err


MISTAKES = {
    "unreachable database": (
        ["init"],
        {"CITYLIFE_DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:1/none"},
        "ne répond pas",
        "does not answer",
    ),
    "not a database": (
        ["init"],
        {"CITYLIFE_DATABASE_URL": "carrier-pigeon://loft"},
        "SQLite ou PostgreSQL",
        "SQLite or",
    ),
    "no database yet": (["demo"], {}, "Lancez d’abord", "first"),
    "a file where the folder should be": (["init"], {"CITYLIFE_INSTANCE": "/dev/null"}, "ne peut pas servir", "used"),
    "a folder below a file": (["init"], {"CITYLIFE_INSTANCE": "/dev/null/x"}, "ne peut pas servir", "cannot be used"),
    "an unknown setting": (["init"], {"CITYLIFE_BASE_ULR": "http://x"}, "CITYLIFE_BASE_ULR", "CITYLIFE_BASE_ULR"),
    "a wrong setting": (["init"], {"CITYLIFE_BASE_URL": "localhost"}, "CITYLIFE_BASE_URL", "CITYLIFE_BASE_URL"),
    "a wrong key": (["init"], {"CITYLIFE_VAPID_PRIVATE_KEY": "x"}, "CITYLIFE_VAPID_PRIVATE_KEY", "P-256"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_operators_mistake_is_explained_and_never_traced(citylife, mistake):
    words, environment, french, english = MISTAKES[mistake]
    for language, sentence in (("fr_FR", french), ("en_GB", english)):
        said = citylife(*words, LANG=language, **environment)
        assert said.code == 1
        assert sentence in said.err
        assert said.err.startswith("citylife: ")
        assert said.err.count("\n") == 1, said.err
        assert "Traceback" not in said.err
        assert "hunter2" not in said.err + said.out


def test_a_database_of_another_version_is_explained(citylife, folder):
    assert citylife("init").code == 0
    for version, command, sentence in (("0001", "demo", "citylife init"), ("9999", "init", "plus récente")):
        with sqlite3.connect(folder / "citylife.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        said = citylife(command)
        assert said.code == 1
        assert sentence in said.err
        assert "Traceback" not in said.err


def test_an_unmigrated_database_is_explained(citylife, folder):
    folder.mkdir()
    sqlite3.connect(folder / "citylife.db").close()
    said = citylife("purge")
    assert (said.code, said.out) == (1, "")
    assert "citylife init" in said.err


def test_a_fault_of_ours_is_logged_whole_and_fails(citylife, monkeypatch):
    def broken(_settings):
        raise ZeroDivisionError("for camille@exemple.fr")

    monkeypatch.setattr(blueprints.commands.founding.migrations, "upgrade", broken)
    said = citylife("init")
    assert said.code == 1
    assert '"event":"command.failed"' in said.err
    assert "ZeroDivisionError" in said.err
    assert "camille" not in said.err
    assert "imprévue" in said.err


def test_nothing_the_console_says_is_missing_from_the_catalogue():
    helped = [commands.get_command(None, words[0]) for words in every_command() if len(words) == 1]
    said = {command.help for command in helped if command is not None}
    assert said
    assert said <= set(_catalog("en"))
