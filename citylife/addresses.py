"""Addresses: where a bare one stands, asked of the Base Adresse Nationale through geopy, never faster than is polite.

The service answers GeoJSON with a score and the INSEE code of the commune. What it is not sure of, or what lies in
another commune than the one wanted, is no answer: a shop in the wrong street is worse than none.
"""

import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import certifi
from geopy.adapters import RequestsAdapter
from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderQueryError,
    GeocoderRateLimited,
    GeocoderServiceError,
)
from geopy.geocoders import BANFrance

from citylife.registers.addresses import LONGEST_QUESTION, PRECISE, SURE_ENOUGH
from citylife.wording import Sentence

PER_SECOND: Final = 10.0
"""Questions a second at most; the public service stops answering at fifty."""
SECONDS: Final = 5.0
"""How long one answer may take."""
ATTEMPTS: Final = 4
"""How often one address is asked for, when the service is slow, busy or broken."""
LONGEST_WAIT: Final = 60.0
"""Seconds: a Retry-After beyond this is taken for « not today »."""
FAILURES_IN_A_ROW: Final = 5
"""Addresses in a row left without any answer after which the service is asked nothing more."""
_MOST_ANSWERS: Final = 5

NOT_FOUND: Final = Sentence("Sans position, et l’adresse est introuvable.")
UNSURE: Final = Sentence("Sans position, et l’adresse est trop incertaine.")
ELSEWHERE: Final = Sentence("Sans position, et l’adresse est dans une autre commune.")
TOO_LONG: Final = Sentence("Sans position, et l’adresse est trop longue.")
NO_ANSWER: Final = Sentence("Sans position, et le service d’adresses n’a pas répondu.")


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as somebody wrote it; `insee_code` is the commune it must lie in."""

    street: str
    postal_code: str
    commune: str
    insee_code: str

    @property
    def words(self) -> str:
        """The address on one line."""
        return " ".join(f"{self.street} {self.postal_code} {self.commune}".split())


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an address stands, degrees WGS 84, and how sure the service is (0 to 1)."""

    latitude: float
    longitude: float
    score: float


@dataclass(frozen=True, slots=True)
class _Answer:
    spot: Spot
    insee_code: str
    kind: str


class AddressService(AbstractContextManager["AddressService"]):
    """A geocoding service that speaks as the Base Adresse Nationale's does, at `url` (https://host/path)."""

    def __init__(
        self,
        url: str,
        *,
        contact: str,
        per_second: float = PER_SECOND,
        seconds: float = SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        self._geocoder = BANFrance(
            domain=parts.netloc + parts.path,
            scheme=parts.scheme,
            timeout=seconds,
            user_agent=f"Citylife ({contact})",
            ssl_context=ssl.create_default_context(cafile=certifi.where()),
            # Its own retries would go past our pace.
            adapter_factory=partial(RequestsAdapter, pool_connections=1, pool_maxsize=1, max_retries=0),
        )
        self._pause = pause
        self._interval = 1 / per_second
        self._next = 0.0
        self._failures = 0

    def __enter__(self) -> Self:
        self._geocoder.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._geocoder.__exit__(kind, error, trace)

    def find(self, address: Address) -> Spot | Sentence:
        """Where the address stands, or the sentence that says why that is not known."""
        if len(address.words) > LONGEST_QUESTION:
            return TOO_LONG
        if self._failures >= FAILURES_IN_A_ROW:
            return NO_ANSWER
        try:
            answers = self._asked(address.words)
        except GeocoderQueryError:
            return NOT_FOUND
        except GeocoderServiceError:
            self._failures += 1
            return NO_ANSWER
        self._failures = 0
        return _chosen(answers, address)

    def _asked(self, words: str) -> list[_Answer]:
        for attempt in range(1, ATTEMPTS + 1):
            self._keep_pace()
            try:
                return _read(self._geocoder.geocode(words, exactly_one=False, limit=_MOST_ANSWERS))
            except (GeocoderQueryError, GeocoderAuthenticationFailure, GeocoderInsufficientPrivileges):
                raise
            except GeocoderServiceError as error:
                wait = _wait_after(error, attempt)
                if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                    raise
                self._pause(wait)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as garbage:
                raise GeocoderServiceError("no GeoJSON") from garbage
        raise AssertionError("the last attempt returns or raises")

    def _keep_pace(self) -> None:
        early = self._next - time.monotonic()
        if early > 0:
            self._pause(early)
        self._next = time.monotonic() + self._interval


def _wait_after(error: GeocoderServiceError, attempt: int) -> float:
    """Seconds until the next attempt: what the service asks for, or else one, two, four."""
    asked = error.retry_after if isinstance(error, GeocoderRateLimited) else None
    return float(2 ** (attempt - 1)) if asked is None else float(asked)


def _read(locations: Sequence[Any] | None) -> list[_Answer]:
    """The answers, each in types that are known."""
    answers = []
    for location in locations or ():
        said = location.raw["properties"]
        spot = Spot(round(float(location.latitude), 6), round(float(location.longitude), 6), float(said["score"]))
        answers.append(_Answer(spot, str(said["citycode"]), str(said["type"])))
    return answers


def _chosen(answers: Sequence[_Answer], address: Address) -> Spot | Sentence:
    """The first answer in the commune that is sure and precise enough, or why there is none."""
    if not answers:
        return NOT_FOUND
    inside = [answer for answer in answers if answer.insee_code == address.insee_code]
    if not inside:
        return ELSEWHERE
    sure = [answer.spot for answer in inside if answer.spot.score >= SURE_ENOUGH and answer.kind in PRECISE]
    return sure[0] if sure else UNSURE
