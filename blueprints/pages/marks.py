"""QR codes, drawn inside the page that shows them."""

import io

import segno
from markupsafe import Markup


def mark(address: str) -> Markup:
    """The QR code of an address, drawn inside the page so that it is there whenever the page is."""
    drawn = io.BytesIO()
    segno.make_qr(address, error="m").save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=False,
        border=2,
        omitsize=True,
        nl=False,
        light="#ffffff",
        svgclass=None,
        lineclass=None,
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn here, of squares and nothing else
