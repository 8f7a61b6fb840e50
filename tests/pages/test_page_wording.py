"""Whatever a page says goes through the catalogue, and its French is set as French is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from justhtml import JustHTML

import blueprints.pages
from citylife.wording import _catalog

FOLDER = Path(blueprints.pages.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
SCRIPTS = sorted([*(FOLDER / "static").rglob("*.js"), *(FOLDER / "templates").rglob("*.js")])
NARROW, WIDE = "\u202f", "\u00a0"
SPOKEN_ATTRIBUTES = ("alt", "title", "placeholder", "aria-label", "content")
OWN_NAMES = {
    "Citylife",
    "·",
    "Citylife ·",
    "· Citylife",
    "utf-8",
    "noindex",
    "#1a1715",
    "#9e3b22",
    "width=device-width, initial-scale=1",
    "width=device-width, initial-scale=1, viewport-fit=cover",
}
BAD_FRENCH = (
    re.compile(r"['\"]"),
    re.compile(r"\.\.\."),
    re.compile(rf"(?<![{NARROW}{WIDE}]):(?!//)"),
    re.compile(rf"(?<![{NARROW}{WIDE}])[;!?»]"),
    re.compile(rf"«(?![{NARROW}{WIDE}])"),
)


def parsed(path: Path) -> nodes.Template:
    return Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))


def sentences(path: Path) -> Iterator[str]:
    """The sentences that `_("…")` says in a template."""
    for call in parsed(path).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "_" and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value


def unspoken(source: str) -> list[str]:
    """What a template writes by itself, in its text and in the attributes that people read or hear."""
    written = "".join(
        data.data if isinstance(data, nodes.TemplateData) else "\ufffc"
        for output in Environment(autoescape=True).parse(source).find_all(nodes.Output)
        for data in output.nodes
    )
    document = JustHTML(written, sanitize=False)
    texts = document.to_text().replace("\ufffc", "\n").split("\n")
    texts += [
        part
        for name in SPOKEN_ATTRIBUTES
        for found in document.query(f"[{name}]")
        for part in str(found.attrs[name]).split("\ufffc")
    ]
    return [text.strip() for text in texts if re.search(r"[^\W\d_]", text) and text.strip() not in OWN_NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_but_sentences_of_the_catalogue(path: Path):
    assert unspoken(path.read_text(encoding="utf-8")) == []
    assert [sentence for sentence in sentences(path) if sentence not in _catalog("en")] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_its_french_is_set_as_french_is(path: Path):
    assert [text for text in sentences(path) for fault in BAD_FRENCH if fault.search(text)] == []


def test_the_sentences_of_the_templates_are_really_found():
    found = [sentence for path in TEMPLATES for sentence in sentences(path)]

    assert len(found) > 60
    assert f"Recevoir ses offres sur cet appareil{NARROW}?" in found


@pytest.mark.parametrize(
    "source",
    [
        "<p>Bonjour</p>",
        '<img src="x" alt="Une rue">',
        "<p>{{ _('a') }} puis</p>",
        "{% if a %}oui{% endif %}",
        "<i title=oui>",
    ],
)
def test_a_word_outside_the_catalogue_is_noticed(source: str):
    assert unspoken(source) != []


@pytest.mark.parametrize("sentence", ["l'offre", "Quoi ?", "Ceci : cela", "« oui »", "Fin..."])
def test_badly_set_french_is_noticed(sentence: str):
    assert any(fault.search(sentence) for fault in BAD_FRENCH)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_module_holds_no_sentence_of_its_own(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    code = "\n".join(line for line in lines if not line.strip().startswith(("//", "/*", "*")))
    texts = re.findall(r'"([^"\n]*)"|`([^`]*)`', code)

    assert code.strip()
    written = [text for pair in texts for text in pair if re.search(r"[à-üÀ-Üœ’«»]|[a-zA-Z]{2,} [a-zA-Z]{2,}", text)]
    assert [text for text in written if text != "use strict"] == []
