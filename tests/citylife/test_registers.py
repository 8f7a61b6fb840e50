"""What public registers propose to whoever claims a shop; nothing they do keeps anybody waiting, or refuses her."""

import gzip
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from citylife.registers import (
    AddressRegister,
    CompanyRegister,
    ProposedAddress,
    ProposedCompany,
    Register,
    Registers,
    Unanswered,
)
from citylife.registers import companies as said_of_companies
from citylife.registers.enquiry import MOST_BYTES, REST
from citylife.settings import SettingRefused, Settings
from tests.doubles.address_service import Known, PlayedAddressService, Trouble, an_address_service
from tests.doubles.company_service import Establishment, PlayedCompanyService, a_company_service

CONTACT = "mailto:contact@citylife.example"
SIRET = "73282932000074"
WORDS = "12 rue de lille bethune"
LABEL = "12 Rue de Lille 62400 Béthune"
RIGHT = Known(50.5301, 2.6403, "62119", label=LABEL)
HOSTILE = [
    Trouble(500, body=b"{}"),
    Trouble(429, headers=(("Retry-After", "60"),)),
    Trouble(302, headers=(("Location", "http://127.0.0.1:9/"),)),
    Trouble(body=b"<html>moved</html>"),
    Trouble(body=b"\xff\xfe"),
    Trouble(body=b"[" * 100_000),
    Trouble(body=b"[]"),
    Trouble(body=b"null"),
    Trouble(body=b'{"features": 7, "results": 7}'),
    Trouble(body=b'{"features": {"a": 1}, "results": {"a": 1}}'),
    Trouble(body=b'{"a": "' + b"x" * MOST_BYTES + b'"}'),
    Trouble(body=gzip.compress(b'{"a": "' + b"x" * 40_000_000 + b'"}'), headers=(("Content-Encoding", "gzip"),)),
    Trouble(body=b"{}", seconds=30.0),
]


class Seconds:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def addresses() -> Iterator[PlayedAddressService]:
    with an_address_service() as played:
        played.known[WORDS] = [RIGHT]
        yield played
        assert played.faults == []


@pytest.fixture
def companies() -> Iterator[PlayedCompanyService]:
    with a_company_service(Establishment(SIRET)) as played:
        yield played
        assert played.faults == []


def register(url: str, **how) -> Register:
    return Register(url, contact=CONTACT, **{"seconds": 0.3, "prompt": 10.0, **how})


def features(*said: Any) -> Trouble:
    return Trouble(body=json.dumps({"type": "FeatureCollection", "features": list(said)}).encode())


def a_feature(**more) -> dict:
    properties = {
        "label": LABEL,
        "name": "12 Rue de Lille",
        "score": 0.9,
        "type": "housenumber",
        "citycode": "62119",
        "postcode": "62400",
    }
    point = more.pop("point", [2.6403, 50.5301])
    return {"properties": properties | more, "geometry": {"type": "Point", "coordinates": point}}


def test_an_address_of_the_territory_is_proposed_in_its_parts(addresses):
    found = AddressRegister(register(addresses.url)).propose("  12 rue de   lille bethune ")
    assert found.addresses == (ProposedAddress(LABEL, "12 Rue de Lille", "62400", "62119", 50.5301, 2.6403),)
    assert (found.elsewhere, found.addresses[0].commune, addresses.asked) == (False, "Béthune", [WORDS])


@pytest.mark.parametrize("words", ["", "12", "  ", "«»", "!!!"])
def test_words_that_the_service_would_refuse_are_not_asked(addresses, words):
    assert AddressRegister(register(addresses.url)).propose(words).addresses == ()
    assert addresses.asked == []


@pytest.mark.parametrize("words", ["« 12 rue de Lille", "12 rue " + "x" * 500])
def test_any_other_words_are_asked_as_the_service_takes_them(addresses, words):
    AddressRegister(register(addresses.url)).propose(words)
    assert len(addresses.asked) == 1, "and the double found no fault"


def test_what_is_surely_elsewhere_is_said_and_what_is_unsure_is_not(addresses):
    service = AddressRegister(register(addresses.url))
    for known, elsewhere in (
        ([Known(50.63, 3.06, "59350", score=0.9)], True),
        ([Known(50.63, 3.06, "59350", score=0.4)], False),
        ([Known(50.63, 3.06, "59350", score=0.9), RIGHT], False),
        ([], False),
    ):
        addresses.known[WORDS] = known
        assert service.propose(WORDS).elsewhere is elsewhere


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "municipality"},
        {"label": "a\x00b"},
        {"label": "\u202eabc"},
        {"label": "x" * 300},
        {"name": ""},
        {"postcode": "ABCDE"},
        {"score": "very"},
        {"point": [2.6403]},
        {"point": ["x", "y"]},
        {"point": [1e300, 50.5]},
        {"point": [3.06, 50.63]},
        {"point": None},
        {"citycode": None},
    ],
    ids=str,
)
def test_an_answer_that_makes_no_sense_is_left_out_and_the_others_stay(addresses, wrong):
    addresses.always = features(a_feature(**wrong), {}, 7, None, a_feature())
    found = AddressRegister(register(addresses.url)).propose(WORDS)
    assert [address.label for address in found.addresses] == [LABEL]


def test_html_in_a_name_is_a_name(addresses):
    addresses.always = features(a_feature(label="<script>alert(1)</script>"))
    found = AddressRegister(register(addresses.url)).propose(WORDS)
    assert found.addresses[0].label == "<script>alert(1)</script>", "escaped where it is shown, as all text is"


def test_a_company_is_proposed_by_its_sign_or_else_by_its_firm(companies):
    service = CompanyRegister(register(companies.url))
    assert service.find(SIRET) == ProposedCompany("CHEZ LEON", "12 RUE DE LILLE 62400 BETHUNE")
    companies.known = [Establishment(SIRET, sign=None, seat=False)]
    assert service.find(SIRET) == ProposedCompany("SARL LEON ET FILS", "12 RUE DE LILLE 62400 BETHUNE")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], said_of_companies.NOT_FOUND),
        ([Establishment(SIRET, told_of=False)], said_of_companies.HIDDEN),
        ([Establishment(SIRET, open=False)], said_of_companies.ENDED),
    ],
)
def test_what_cannot_be_proposed_is_said(companies, known, said):
    companies.known = known
    assert CompanyRegister(register(companies.url)).find(SIRET) == said


def test_another_establishments_answer_is_not_taken_for_hers(companies):
    other = Establishment("35600000000048")
    with a_company_service(other) as played:
        body = played.answer(f"/search?q={other.siret}", f"Citylife ({CONTACT})").body
    companies.always = Trouble(body=body)
    assert CompanyRegister(register(companies.url)).find(SIRET) == said_of_companies.NOT_FOUND


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"adresse": 7, "liste_enseignes": "x"}, ("SARL LEON ET FILS", "")),
        ({"liste_enseignes": [None, 7, "\x00", "<b>LEON</b>"]}, ("<b>LEON</b>", "12 RUE DE LILLE 62400 BETHUNE")),
        ({"liste_enseignes": ["x" * 200], "adresse": "y" * 300}, ("SARL LEON ET FILS", "")),
    ],
)
def test_a_company_that_makes_no_sense_is_left_out(companies, wrong, found):
    answer = companies.answer(f"/search?q={SIRET}", f"Citylife ({CONTACT})")
    said = json.loads(answer.body or b"")
    said["results"] = [7, None, {"siege": 7, "matching_etablissements": 7}, *said["results"]]
    said["results"][-1]["matching_etablissements"][0] |= wrong
    companies.always = Trouble(body=json.dumps(said).encode())
    assert CompanyRegister(register(companies.url)).find(SIRET) == ProposedCompany(*found)


@pytest.mark.parametrize("trouble", HOSTILE, ids=range(len(HOSTILE)))
def test_a_service_that_answers_anything_else_is_no_answer(addresses, companies, trouble):
    addresses.always = companies.always = trouble
    with pytest.raises(Unanswered):
        AddressRegister(register(addresses.url)).propose(WORDS)
    assert CompanyRegister(register(companies.url)).find(SIRET) == said_of_companies.NO_ANSWER
    assert (len(addresses.asked), len(companies.asked)) == (1, 1), "once, and no redirection is followed"


def test_no_redirection_is_followed_even_to_a_right_answer(addresses):
    addresses.troubles = [Trouble(302, headers=(("Location", f"{addresses.url}/search?q=12+rue+de+lille+bethune"),))]
    with pytest.raises(Unanswered):
        AddressRegister(register(addresses.url)).propose(WORDS)
    assert len(addresses.asked) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_a_right_answer_is_read_up_to_its_size_and_no_further(addresses, packed):
    service = AddressRegister(register(addresses.url, seconds=5.0))
    right = features(a_feature()).body or b""
    for size, read in ((MOST_BYTES, True), (MOST_BYTES + 1, False)):
        body = right + b" " * (size - len(right))
        headers = (("Content-Encoding", "gzip"),) if packed else ()
        addresses.always = Trouble(body=gzip.compress(body) if packed else body, headers=headers)
        if read:
            assert len(service.propose(WORDS).addresses) == 1
        else:
            with pytest.raises(Unanswered):
                service.propose(WORDS)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9", "http://nowhere.invalid"])
def test_a_service_that_is_not_there_is_no_answer(url):
    with pytest.raises(Unanswered):
        AddressRegister(register(url)).propose(WORDS)
    assert CompanyRegister(register(url)).find(SIRET) == said_of_companies.NO_ANSWER


def test_a_service_that_fails_twice_is_left_alone_for_a_minute(companies):
    clock = Seconds()
    service = CompanyRegister(register(companies.url, clock=clock))
    companies.troubles = [Trouble(500), Trouble(500), Trouble(500)]
    for _ in range(5):
        assert service.find(SIRET) == said_of_companies.NO_ANSWER
    assert len(companies.asked) == 2
    clock.moment += REST
    assert service.find(SIRET) == said_of_companies.NO_ANSWER
    assert len(companies.asked) == 3, "one try"
    assert service.find(SIRET) == said_of_companies.NO_ANSWER
    assert len(companies.asked) == 3, "and a minute again"
    clock.moment += REST
    for _ in range(5):
        assert isinstance(service.find(SIRET), ProposedCompany)


def test_two_wait_for_a_service_at_once_and_others_go_on_without_it(monkeypatch):
    both, done = threading.Barrier(3), threading.Event()

    def dawdle(_register: Register, _address: str) -> bytes:
        both.wait(10)
        done.wait(10)
        return b"{}"

    monkeypatch.setattr(Register, "_got", dawdle)
    register = Register("https://lent.example", contact=CONTACT)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(register.ask, "/search", q=SIRET) for _ in range(2)]
        both.wait(10)
        with pytest.raises(Unanswered):
            register.ask("/search", q=SIRET)
        done.set()
        assert [each.result(10) for each in waiting] == [{}, {}]
    monkeypatch.setattr(Register, "_got", lambda *_: b"{}")
    assert register.ask("/search", q=SIRET) == {}


def test_a_service_that_dawdles_is_left_alone_too(companies):
    service = CompanyRegister(register(companies.url, seconds=5.0, prompt=0.0))
    found = [service.find(SIRET) for _ in range(3)]
    assert [isinstance(one, ProposedCompany) for one in found] == [True, True, False]
    assert len(companies.asked) == 2


def test_the_settings_name_the_services_and_may_name_none():
    settings = Settings(geocoder_url="", companies_url="")
    registers = Registers.of(settings)
    with pytest.raises(Unanswered):
        registers.addresses.propose(WORDS)
    assert registers.companies.find(SIRET) == said_of_companies.NO_ANSWER
    assert Settings.read({"CITYLIFE_COMPANIES_URL": ""}, env_file=None).companies_url == ""
    with pytest.raises(SettingRefused, match="COMPANIES_URL"):
        Settings(companies_url="ftp://registre.example")
