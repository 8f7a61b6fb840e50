"""The pages people read: HTML that works before any script does, and what a browser needs around it."""

from flask import Flask

from blueprints.pages import (
    account,
    assets,
    citizen,
    email_digest,
    language,
    merchant,
    merchant_mail,
    monday_mail,
    navigation,
    photos,
    public,
    settings,
    staff,
)


def register(app: Flask) -> None:
    """Answer the pages, their stylesheet and modules, the service worker and the manifest."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["asset"] = assets.asset
    language.init_app(app)
    navigation.init_app(app)
    app.register_blueprint(assets.blueprint)
    app.register_blueprint(photos.blueprint)
    app.register_blueprint(citizen.blueprint)
    app.register_blueprint(settings.blueprint)
    app.register_blueprint(account.blueprint)
    app.register_blueprint(merchant.blueprint)
    app.register_blueprint(merchant_mail.blueprint)
    app.register_blueprint(monday_mail.blueprint)
    app.register_blueprint(email_digest.blueprint)
    app.register_blueprint(staff.blueprint)
    app.register_blueprint(staff.console)
    public.init_app(app)
