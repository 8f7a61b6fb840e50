"""The export: everything kept of a citizen, in one file she can read and a program too."""

from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.house import now
from blueprints.storage import db
from citylife.accounts.export import LEFT_OUT, sections_of
from citylife.clock import local_date
from citylife.wording import Sentence, say
from schemas.export import ExportSchema

blueprint: Final = ApiBlueprint("export", "Everything kept of a citizen, in one file")
PRIVATE: Final = "private, no-store"
ABOUT: Final = Sentence(
    "Tout ce que Citylife garde de vous, tel qu’il le garde. Rien d’autre n’est rattaché à vous : ni nom, ni adresse "
    "postale, ni position précise."
)


@blueprint.route("/me/export")
@guards.citizen_required
@blueprint.response(200, ExportSchema)
def export_me() -> Response:
    """Take everything that is kept of you, as a file, with headings in your language."""
    citizen, moment, language = guards.current_citizen(), now(), problems.locale()
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
