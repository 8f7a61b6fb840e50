"""What the tests of feeds share: the application of the API's tests, and readers of another make."""

from tests.api.conftest import app, clock, doorbell, town

__all__ = ["app", "clock", "doorbell", "town"]
