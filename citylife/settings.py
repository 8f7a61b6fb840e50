"""What an operator may set, read once from CITYLIFE_* variables (or a `.env`) into one frozen dataclass.

Every setting is documented in `docs/settings.md`; a test fails when one is not.
"""

import datetime as dt
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values

from citylife.clock import local_date, utc_now

PREFIX: Final = "CITYLIFE_"
MAY_BE_EMPTY: Final = frozenset({"CITYLIFE_COMPANIES_URL", "CITYLIFE_GEOCODER_URL", "CITYLIFE_MAP_TILES"})
"""Settings to which an empty value says something; to the others it says « the default »."""
SMTP_SCHEMES: Final = ("smtp", "smtps", "smtp+starttls")
BROKER_SCHEMES: Final = ("amqp", "amqps")
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MAIL_FROM: Final = re.compile(r"(?:[^<>@\x00-\x1f\x7f]+ )?<?[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+>?")
PUBLIC_ADDRESS: Final = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
MOST_PERCENT: Final = 100
LONGEST_REVISION: Final = 40
PLAN_IGN: Final = (
    "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2"
    "&STYLE=normal&FORMAT=image/png&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
)
"""The map of the French national mapping agency: free of charge, without a key, Licence Ouverte 2.0."""
MOST_TIMES: Final = 1_000_000
"""The highest limit that can be set: where to end is as good as none."""


class BrokerQueue(StrEnum):
    """How RabbitMQ keeps the queue of rings: on one node, or agreed upon by several."""

    CLASSIC = "classic"
    QUORUM = "quorum"


class SettingRefused(ValueError):
    """A setting's value cannot be used; the message names the variable and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process. Field `x_y` is read from `CITYLIFE_X_Y`; a tuple from a comma-separated list."""

    instance: Path = Path("instance")
    database_url: str = ""
    broker_url: str = ""
    broker_ca: str = ""
    broker_queue: BrokerQueue = BrokerQueue.CLASSIC
    look_seconds: int = 2
    base_url: str = "http://localhost:8000"
    contact: str = "mailto:contact@citylife.invalid"
    aipd_date: dt.date | None = None
    revision: str = ""
    cluster_url: str = ""
    cluster_token: str = ""
    publisher: str = ""
    publication_director: str = ""
    hosted_by: str = ""
    public_contact: str = ""
    data_protection_contact: str = ""
    accessibility_audit_date: dt.date | None = None
    accessibility_audit_rate: int = 0
    accessibility_auditor: str = ""
    accessibility_report: str = ""
    smtp_url: str = ""
    mail_from: str = ""
    push_hosts: tuple[str, ...] = ()
    push_connect_to: str = ""
    push_ca: str = ""
    push_seconds: int = 10
    lease_seconds: int = 60
    vapid_private_key: str = ""
    vapid_previous_keys: tuple[str, ...] = ()
    secret_key: str = ""
    tombstones: str = ""
    trusted_hosts: tuple[str, ...] = ()
    trusted_proxies: int = 0
    geocoder_url: str = "https://data.geopf.fr/geocodage"
    companies_url: str = "https://recherche-entreprises.api.gouv.fr"
    map_tiles: str = PLAN_IGN
    map_credit: str = "© IGN, Plan IGN"
    limits: tuple[str, ...] = ()
    drain_seconds: int = 0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise SettingRefused(f"{PREFIX}BASE_URL must be http(s)://host[:port], without a path: {self.base_url!r}")
        if not self.contact.startswith(("mailto:", "https://")):
            raise SettingRefused(f"{PREFIX}CONTACT must be a mailto: address or an https: page: {self.contact!r}")
        if self.aipd_date is not None and self.aipd_date > local_date(utc_now()):
            raise SettingRefused(
                f"{PREFIX}AIPD_DATE is when the assessment was done, not a day to come: {self.aipd_date}"
            )
        if len(self.revision) > LONGEST_REVISION or not self.revision.isascii():
            raise SettingRefused(f"{PREFIX}REVISION must be at most {LONGEST_REVISION} plain characters")
        for name in ("public_contact", "data_protection_contact"):
            _check_reachable(name, getattr(self, name))
        _check_audit(self)
        _check_broker(self.broker_url, self.broker_ca)
        if self.look_seconds < 1:
            raise SettingRefused(f"{PREFIX}LOOK_SECONDS must be at least 1: {self.look_seconds}")
        _check_mail(self.smtp_url, self.mail_from)
        if self.push_connect_to and not self.push_connect_to.rpartition(":")[2].isdigit():
            raise SettingRefused(f"{PREFIX}PUSH_CONNECT_TO must be host:port: {self.push_connect_to!r}")
        if self.push_seconds < 1 or self.lease_seconds < 3 * self.push_seconds:
            raise SettingRefused(
                f"{PREFIX}LEASE_SECONDS must be at least three times {PREFIX}PUSH_SECONDS, which is at least 1: "
                f"{self.lease_seconds}, {self.push_seconds}"
            )
        for name in ("geocoder_url", "companies_url"):
            _check_register(name, getattr(self, name))
        _check_cluster(self.cluster_url, self.cluster_token)
        _check_tiles(self.map_tiles)
        _ = self.quotas
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
        object.__setattr__(self, "instance", Path(self.instance).resolve())

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database: the one set, or SQLite in the instance folder."""
        url = self.database_url or f"sqlite:///{self.instance / 'citylife.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1) if url.startswith("postgresql://") else url

    @property
    def needs_instance(self) -> bool:
        """Whether a database, a key or tombstones are kept in the instance folder, which then has to be there."""
        elsewhere = self.database_url and self.secret_key and self.vapid_private_key and self.tombstones
        return not elsewhere or self.database.startswith("sqlite")

    @property
    def tombstones_folder(self) -> Path:
        """Where erasures are written down outside the database: the folder set, or one in the instance folder."""
        return Path(self.tombstones).resolve() if self.tombstones else self.instance / "tombstones"

    @property
    def quotas(self) -> dict[str, int]:
        """How many times each limit named in the settings lets through; `*` stands for every other."""
        found: dict[str, int] = {}
        for each in self.limits:
            name, _, most = each.partition("=")
            if not most.isdecimal() or not 1 <= int(most) <= MOST_TIMES:
                raise SettingRefused(f"{PREFIX}LIMITS must be name=number,…, each from 1 to {MOST_TIMES}: {each!r}")
            found[name.strip()] = int(most)
        return found

    @property
    def secure(self) -> bool:
        """Whether people reach the service by https (browsers then allow `__Host-` cookies everywhere)."""
        return self.base_url.startswith("https://")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The Host headers that are answered: those set, or the base URL's (and loopback names where it is local)."""
        if self.trusted_hosts:
            return self.trusted_hosts
        host = urlsplit(self.base_url).hostname or "localhost"
        return ("localhost", "127.0.0.1", "[::1]") if host in LOOPBACK else (host,)

    @property
    def mail_sender(self) -> str:
        """Whom mail comes from: the one set, or citylife@ the host of the base URL."""
        return self.mail_from or f"Citylife <citylife@{urlsplit(self.base_url).hostname}>"

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Self:
        """Settings from the environment, then the `.env` file, then the defaults.

        Raises:
            SettingRefused: an unknown CITYLIFE_* variable, or a value that cannot be used.
        """
        environment = os.environ if environment is None else environment
        stored = dotenv_values(env_file) if env_file and env_file.exists() else {}
        given = {name: value for name, value in {**stored, **environment}.items() if name.startswith(PREFIX)}
        known = {PREFIX + field.name.upper(): field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name.startswith(PREFIX + "TEST_"):
                continue
            if name not in known:
                raise SettingRefused(f"{name} is not a setting of Citylife; see docs/settings.md")
            if value is not None and (value or name in MAY_BE_EMPTY):
                values[known[name].name] = _parsed(name, value, known[name].type)
        return cls(**values)


def _check_reachable(name: str, contact: str) -> None:
    """An e-mail address or an https: page, which a page can link to."""
    if contact and not (PUBLIC_ADDRESS.fullmatch(contact) or _is_page(contact)):
        raise SettingRefused(f"{PREFIX}{name.upper()} must be an e-mail address or an https: page: {contact!r}")


def _check_register(name: str, url: str) -> None:
    """A service that can be asked, or none."""
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query):
        raise SettingRefused(f"{PREFIX}{name.upper()} must be http(s)://host[/path], or empty: {url!r}")


def _check_audit(settings: Settings) -> None:
    """A human audit of accessibility has a day that has come, who made it, a rate, and where its findings are read."""
    day, rate = settings.accessibility_audit_date, settings.accessibility_audit_rate
    if day is not None and day > local_date(utc_now()):
        raise SettingRefused(f"{PREFIX}ACCESSIBILITY_AUDIT_DATE is when the audit was made, not a day to come: {day}")
    if rate > MOST_PERCENT:
        raise SettingRefused(f"{PREFIX}ACCESSIBILITY_AUDIT_RATE is a percentage, from 0 to 100: {rate}")
    if settings.accessibility_report and not _is_page(settings.accessibility_report):
        raise SettingRefused(f"{PREFIX}ACCESSIBILITY_REPORT must be an https: page: {settings.accessibility_report!r}")
    told = bool(settings.accessibility_auditor and settings.accessibility_report)
    if (day is not None) != told or (day is None and rate):
        raise SettingRefused(
            f"An audit of accessibility is set whole or not at all: {PREFIX}ACCESSIBILITY_AUDIT_DATE, _AUDIT_RATE, "
            f"{PREFIX}ACCESSIBILITY_AUDITOR and {PREFIX}ACCESSIBILITY_REPORT"
        )


def _is_page(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname)


def _check_tiles(url: str) -> None:
    """Tiles that a page may ask for: its policy names their host, so it holds nothing that could end the policy."""
    parts = urlsplit(url)
    plain = re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", parts.netloc)
    if url and (parts.scheme not in {"http", "https"} or not plain or any(f"{{{axis}}}" not in url for axis in "xyz")):
        raise SettingRefused(
            f"{PREFIX}MAP_TILES must be http(s)://host/… with {{x}}, {{y}} and {{z}}, or empty: {url!r}"
        )


def _check_cluster(url: str, token: str) -> None:
    """A base address by TLS, or on this machine; a token that signs each request and breaks no line of it."""
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
        raise SettingRefused(f"{PREFIX}CLUSTER_URL must be http(s)://host[:port][/path]: {url!r}")
    if url and (parts.username or parts.password):
        raise SettingRefused(f"{PREFIX}CLUSTER_URL must name nobody: the token is {PREFIX}CLUSTER_TOKEN")
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise SettingRefused(f"{PREFIX}CLUSTER_TOKEN must be plain characters without blanks")
    if url and not token:
        raise SettingRefused(f"{PREFIX}CLUSTER_TOKEN must be set where {PREFIX}CLUSTER_URL is: it signs each request")
    if url and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise SettingRefused(f"{PREFIX}CLUSTER_URL must be https://, but on this machine: {url!r}")


def _check_broker(urls: str, ca_file: str) -> None:
    """RabbitMQ nodes that can be dialled, and authorities that can be read; the password is in no message."""
    for url in urls.split(";") if urls else ():
        parts = urlsplit(url)
        try:
            dialled = parts.scheme in BROKER_SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            dialled = False
        if not dialled or parts.query or parts.fragment:
            raise SettingRefused(
                f"{PREFIX}BROKER_URL must be amqp[s]://[user:password@]host[:port][/virtual-host], several joined by ;"
            )
        if ca_file and parts.scheme != "amqps":
            raise SettingRefused(f"{PREFIX}BROKER_CA would check nobody: every {PREFIX}BROKER_URL must be amqps://")
    if ca_file:
        try:
            ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise SettingRefused(f"{PREFIX}BROKER_CA must be a PEM file of authorities: {error.strerror}") from None


def _check_mail(smtp_url: str, mail_from: str) -> None:
    """A mail server that can be dialled, and a sender that a header can carry; the password is in no message."""
    parts = urlsplit(smtp_url)
    if smtp_url:
        try:
            dialled = parts.scheme in SMTP_SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            dialled = False
        if not dialled or parts.path not in {"", "/"} or parts.query or parts.fragment:
            wanted = ", ".join(f"{scheme}://" for scheme in SMTP_SCHEMES)
            raise SettingRefused(f"{PREFIX}SMTP_URL must be {wanted} then [user:password@]host[:port]")
        if parts.scheme == "smtp" and parts.username and parts.hostname not in LOOPBACK:
            raise SettingRefused(f"{PREFIX}SMTP_URL would send its password in clear: use smtps:// or smtp+starttls://")
    if mail_from and not MAIL_FROM.fullmatch(mail_from):
        raise SettingRefused(f"{PREFIX}MAIL_FROM must be an address, or Name <address>: {mail_from!r}")


def _parsed(name: str, value: str, kind: Any) -> Any:
    if kind is int:
        if not value.isdigit():
            raise SettingRefused(f"{name} must be a whole number: {value!r}")
        return int(value)
    if kind is Path:
        return Path(value)
    if kind == dt.date | None:
        return _day(name, value)
    if kind is BrokerQueue:
        return _chosen(name, value, BrokerQueue)
    if kind is str:
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _day(name: str, value: str) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise SettingRefused(f"{name} must be a day, as 2026-11-24: {value!r}") from None


def _chosen(name: str, value: str, choices: type[BrokerQueue]) -> BrokerQueue:
    try:
        return choices(value)
    except ValueError:
        wanted = ", ".join(choice.value for choice in choices)
        raise SettingRefused(f"{name} must be one of {wanted}: {value!r}") from None
