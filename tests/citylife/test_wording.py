"""Every sentence a person may read exists in English, and its French is set as French is."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest

import blueprints
import citylife
import notifications
import schemas
from citylife.categories import CATEGORIES
from citylife.errors import Refusal
from citylife.follows import TooManyAlways
from citylife.wording import LOCALES, _catalog, say, translated

PACKAGES = (citylife, schemas, notifications, blueprints)
ROOT = Path(citylife.__file__).parents[1]
CATALOGUE = ROOT / "citylife" / "locale" / "en.po"
NARROW, WIDE = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"

BAD_FRENCH = {
    "a straight apostrophe": re.compile(r"'"),
    "a straight quotation mark": re.compile(r'"'),
    "three dots for an ellipsis": re.compile(r"\.\.\."),
    "no no-break space before a high sign": re.compile(
        rf"(?<![{NARROW}{WIDE}{{]):(?!//)(?![0-9])|[^{NARROW}{WIDE}][;!?»]"
    ),
    "no no-break space after «": re.compile(rf"«(?![{NARROW}{WIDE}])"),
}


def test_every_refusal_and_sentence_is_translated():
    said = {template for template in templates() if re.search(r"[^\W\d_]", re.sub(r"\{[^}]*\}", "", template))}
    missing = sorted(said - set(_catalog("en")))

    assert missing == []


def test_french_is_set_as_french_is():
    faults = [
        (fault, template)
        for template in sorted(set(templates()))
        for fault, pattern in BAD_FRENCH.items()
        if pattern.search(template)
    ]

    assert faults == []


@pytest.mark.parametrize(
    "sentence",
    ["Attention : ceci", "Vraiment ?", "l'offre", "« tout »", "Fin ; suite", "Bravo!", "Bientôt..."],
)
def test_bad_french_is_noticed(sentence: str):
    assert any(pattern.search(sentence) for pattern in BAD_FRENCH.values())


def test_good_french_passes():
    sentence = f"Horaires{WIDE}: «{WIDE}9 h{WIDE}»{NARROW}; l’adresse commence par https://, à 09:00{NARROW}!"

    assert not any(pattern.search(sentence) for pattern in BAD_FRENCH.values())


def test_a_translation_has_the_blanks_of_its_sentence():
    faults = [
        (template, english) for template, english in _catalog("en").items() if blanks(template) != blanks(english)
    ]

    assert faults == []


def test_the_catalogue_holds_each_sentence_once():
    ids = re.findall(r'^msgid (?!""$)(.*)$', CATALOGUE.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert ids
    assert sorted({entry for entry in ids if ids.count(entry) > 1}) == []


def test_a_refusal_is_found_wherever_it_stands():
    found = {refusal.__name__ for refusal in refusals()}

    assert {"Absent", "TooManyAlways", "OfferPrice", "EndpointRefused"} <= found


def test_each_slug_belongs_to_one_refusal():
    named = [refusal for refusal in refusals() if "slug" in vars(refusal)]

    assert len({refusal.slug for refusal in named}) == len(named)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_refusal_is_said_in_the_language_of_its_reader(locale: str):
    refusal = TooManyAlways(most=3)

    assert (
        say(refusal.detail, locale)
        == {
            "fr": f"Au plus 3 commerces peuvent être suivis «{WIDE}toujours{WIDE}».",
            "en": "At most 3 shops can be followed “always”.",
        }[locale]
    )


def test_a_sentence_without_translation_stays_french():
    assert translated("Une phrase que personne n’a traduite.", "en") == "Une phrase que personne n’a traduite."


def templates() -> Iterator[str]:
    """Every French template of the house: of refusals, of Sentence(…) in the code, and of categories."""
    for refusal in refusals():
        yield refusal.title
        yield refusal.sentence
    for category in CATEGORIES:
        yield category.name
    for package in PACKAGES:
        for path in sorted(Path(package.__file__ or "").parent.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield from literal(node)


def literal(node: ast.AST) -> Iterator[str]:
    """The template of a `Sentence("…")` call; both of them in `Sentence("…" if … else "…")`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sentence" and node.args:
        first = node.args[0]
        for part in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def refusals() -> list[type[Refusal]]:
    """Every refusal that any module of the house defines."""
    for package in PACKAGES:
        for module in modules(package):
            importlib.import_module(module)
    found: list[type[Refusal]] = [Refusal]
    for refusal in found:
        found.extend(refusal.__subclasses__())
    return [refusal for refusal in found if refusal.__module__.partition(".")[0] in {p.__name__ for p in PACKAGES}]


def modules(package: ModuleType) -> Iterator[str]:
    """The importable modules of a package; Alembic's own files are run by Alembic."""
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith(("citylife.migrations.env", "citylife.migrations.versions")):
            yield module.name


def blanks(template: str) -> set[str]:
    """The names of a template's blanks."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}
