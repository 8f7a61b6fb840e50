"""What a page is made of besides its HTML: stylesheet, modules, icons, manifest, and the service worker at the root.

Every asset's address carries a digest of them all, so that a browser keeps it for ever and a new version of one module
is never mixed with an old version of another.
"""

import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, jsonify, render_template, request, send_from_directory, url_for

from blueprints.conditions import NEVER
from blueprints.pages.citizen.kept import TRANSIENT
from blueprints.pages.language import page_locale
from blueprints.pages.navigation import tabs
from citylife.accounts.moving import ALPHABET, GROUP
from citylife.wording import LOCALES, Sentence, say

FOLDER: Final = Path(__file__).parent / "static"
LEAFLET: Final = Path(str(files("xstatic.pkg.leaflet"))) / "data"
"""The map's own files, as their package brings them; only these are served."""
OF_LEAFLET: Final = ("leaflet.js", "leaflet.css", "images/layers.png", "images/layers-2x.png", "images/marker-icon.png")
FOR_EVER: Final = "public, max-age=31536000, immutable"
CHECK_EACH_TIME: Final = "no-cache"
A_CODE: Final = re.compile(f"[{ALPHABET}]{{{GROUP}}}-[{ALPHABET}]{{{GROUP}}}")
"""A transfer code as it is shown."""
LAST_RESORT: Final = Sentence("Du nouveau chez vos commerces.")
"""What a notification says when its message cannot be read: a push that shows nothing costs her the subscription."""
ABOUT: Final = Sentence("Les offres de vos commerces, sans compte et sans e‑mail.")
THEME: Final = "#9e3b22"
PAPER: Final = "#fbf7f0"

blueprint: Final = Blueprint("assets", __name__, template_folder="templates")


@cache
def present_edition() -> str:
    """A digest of all assets, the same in every process that serves the same files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        digest.update(path.relative_to(FOLDER).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name in OF_LEAFLET:
        digest.update(hashlib.sha256((LEAFLET / name).read_bytes()).digest())
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """The address of an asset; `asset` in templates."""
    return url_for("assets.read_asset", edition=present_edition(), name=name)


@cache
def shell() -> tuple[str, ...]:
    """The assets that a citizen's pages are made of, which her service worker keeps; the map comes when it is seen."""
    modules = sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "citizen").glob("*.js"))
    return ("citylife.css", "icon.svg", "icons.svg", *modules)


def _found(name: str) -> tuple[Path, str]:
    """The folder and the file of an asset."""
    part, _, own = name.partition("/")
    return (LEAFLET, own) if part == "leaflet" and own in OF_LEAFLET else (FOLDER, name)


@blueprint.get("/assets/<edition>/<path:name>")
def read_asset(edition: str, name: str) -> Response:
    """An asset; one asked for under another edition is the present one, and is asked for again next time."""
    response = send_from_directory(*_found(name))
    response.direct_passthrough = False
    response.get_data()
    response.close()  # it is small: a browser that leaves half-way leaves no open file behind
    response.headers["Cache-Control"] = FOR_EVER if edition == present_edition() else CHECK_EACH_TIME
    return response


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    """The service worker, from the root so that it serves every page; browsers look for a newer one at each visit."""
    written = render_template(
        "service-worker.js",
        last_resort={locale: say(LAST_RESORT, locale) for locale in LOCALES},
        edition=present_edition(),
        files=[asset(name) for name in shell()],
        without_network={locale: url_for("citizen.read_without_network", lang=locale) for locale in LOCALES},
        transient=TRANSIENT,
    )
    response = Response(written, content_type="text/javascript")
    response.headers["Cache-Control"] = CHECK_EACH_TIME
    response.add_etag()
    return response


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    """What a phone needs to put Citylife beside its other apps; `?lang=` says in which language, as pages ask it.

    An iPhone's Safari asks with a transfer code (`?code=`), which the installed app starts with: after the `#` of its
    address, which is never sent again.
    """
    code = request.args.get("code", "")
    carried = code if A_CODE.fullmatch(code) else None
    icons = [
        {"src": asset(f"{name}-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in (192, 512)
        for name, purpose in (("icon", "any"), ("maskable", "maskable"))
    ]
    response = jsonify(
        id="/",
        name="Citylife",
        short_name="Citylife",
        description=say(ABOUT, page_locale()),
        lang=page_locale(),
        dir="ltr",
        start_url=url_for("citizen.read_mine", _anchor=carried),
        scope="/",
        display="standalone",
        theme_color=THEME,
        background_color=PAPER,
        icons=icons,
        shortcuts=[{"name": tab.label, "url": tab.address, "icons": icons[:1]} for tab in tabs()],
    )
    response.content_type = "application/manifest+json"
    response.headers["Cache-Control"] = NEVER if carried else CHECK_EACH_TIME
    return response
