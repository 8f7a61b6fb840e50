"""The export as a file: everything kept of a citizen, under headings in a language; API and pages give it."""

from typing import Any, Final

from flask import Response

from blueprints import conditions
from blueprints.house import now
from blueprints.storage import db
from citylife.accounts.citizens import Citizen
from citylife.accounts.export import LEFT_OUT, sections_of
from citylife.clock import local_date
from citylife.wording import Sentence, say

PRIVATE: Final = "private, no-store"
ABOUT: Final = Sentence(
    "Tout ce que Citylife garde de vous, tel qu’il le garde. Rien d’autre n’est rattaché à vous : ni nom, ni adresse "
    "postale, ni position précise."
)


def exported(citizen: Citizen, language: str) -> Response:
    """Everything that is kept of her, as a file to be saved."""
    moment = now()
    sections = [
        {
            "name": section.name,
            "title": say(section.title, language),
            "headings": {name: say(heading, language) for name, (_, heading) in section.fields.items()},
            "rows": rows,
        }
        for section, rows in sections_of(db.session(), citizen.id)
    ]
    whole: dict[str, Any] = {
        "id": citizen.id,
        "exported_at": moment,
        "about": say(ABOUT, language),
        "sections": sections,
        "left_out": [{"name": name, "why": say(why, language)} for name, why in LEFT_OUT.items()],
    }
    name = f"citylife-{local_date(moment, citizen.time_zone).isoformat()}.json"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Language": language,
    }
    return conditions.answer(
        conditions.json_bytes(whole),
        cache=PRIVATE,
        headers=headers,
        vary="Authorization, Cookie, Accept-Language",
    )
