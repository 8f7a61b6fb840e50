"""The least a Flask application can do: what every figure of the feed is held against."""

from flask import Flask


def create_app() -> Flask:
    """A bare application with one view."""
    app = Flask("hello")

    @app.get("/")
    def hello() -> str:
        return "Hello, world"

    return app
