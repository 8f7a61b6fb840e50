"""What a journey through pages shares with the tests of pages: a served application with a clock, and a Chromium."""

from tests.pages.conftest import chromium, clock, serve, street

__all__ = ["chromium", "clock", "serve", "street"]
