"""Feeds: the offers of a shop or of a commune for whoever reads them elsewhere, in Atom and in a calendar."""

from flask import Flask

from blueprints.feeds.views import blueprint


def register(app: Flask) -> None:
    """Answer `/s/{slug}/offers.atom`, `/s/{slug}/offers.ics` and `/c/{insee}/offers.atom`."""
    app.register_blueprint(blueprint)
