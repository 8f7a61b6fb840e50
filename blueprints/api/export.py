"""The export: everything kept of a citizen, in one file she can read and a program too."""

from typing import Final

from flask import Response

from blueprints import guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.exporting import exported
from schemas.export import ExportSchema

blueprint: Final = ApiBlueprint("export", "Everything kept of a citizen, in one file")


@blueprint.route("/me/export")
@guards.citizen_required
@blueprint.response(200, ExportSchema)
def export_me() -> Response:
    """Take everything that is kept of you, as a file, with headings in your language."""
    return exported(guards.current_citizen(), problems.locale())
