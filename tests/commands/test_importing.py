"""`citylife shops import FILE` brings shops, says what became of each row, and can be stopped and run again."""

import csv
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select

from blueprints.commands import importing, progress
from citylife.audit import AuditEntry
from citylife.database import engine_for, reading, writing
from citylife.offers import Offer
from citylife.search import find_shops
from citylife.shops import Shop, ShopStatus
from tests.builders import GRAND_PLACE, NOW, a_shop, a_siret, an_offer
from tests.commands.instances import CONSOLE
from tests.doubles.address_service import Known, PlayedAddressService, Trouble, an_address_service
from tests.imported import a_collection, a_feature, a_line, a_table, kept

WORDS = "12 RUE DE LILLE 62400 Béthune"
LAT, LON = GRAND_PLACE
STEP = 0.0004
"""Of latitude and longitude, degrees: 44 metres north, 28 metres east."""
NOWHERE = {"coordonneeLambertAbscisseEtablissement": "", "coordonneeLambertOrdonneeEtablissement": ""}
CONTACT = "mailto:contact@citylife.example"
MANY = 12_000
"""Rows that take long enough to be interrupted among them, however busy the machine is."""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, citylife, folder, migrated, monkeypatch):
    """The database of an instance that is ready, of each kind; no address is asked for unless a test says so."""
    url = f"sqlite:///{folder / 'citylife.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        monkeypatch.setenv("CITYLIFE_DATABASE_URL", url)
    monkeypatch.setenv("CITYLIFE_GEOCODER_URL", "")
    assert citylife("init").code == 0
    engine = engine_for(url)
    yield engine
    engine.dispose()


@pytest.fixture
def played() -> Iterator[PlayedAddressService]:
    with an_address_service() as played:
        played.known[WORDS] = [Known(*GRAND_PLACE, "62119")]
        yield played
        assert played.faults == []


@pytest.fixture
def run(citylife, tmp_path) -> Callable:
    """Import a file; the answer, and the rows of its report."""

    def run(file: bytes, *options: str, **environment: str):
        report = tmp_path / "report.csv"
        path = kept(tmp_path, "file", file)
        said = citylife("shops", "import", path, "--report", str(report), *options, **environment)
        with report.open(encoding="utf-8-sig", newline="") as stream:
            return said, list(csv.DictReader(stream))

    return run


def shops(engine) -> list[Shop]:
    with reading(engine)() as session:
        return list(session.scalars(select(Shop).order_by(Shop.source)))


def count(engine) -> int:
    with reading(engine)() as session:
        return session.scalar(select(func.count()).select_from(Shop))


def some(number: int) -> bytes:
    """A file of shops that are all different, some way from one another."""
    return a_collection(
        *(
            a_feature(f"node/{one + 1}", name=f"Pain no {one}", at=(LAT + one // 70 * STEP, LON + one % 70 * STEP))
            for one in range(number)
        )
    )


def test_an_export_of_openstreetmap_is_taken_and_each_row_accounted_for(engine, run):
    file = a_collection(
        a_feature("node/1", opening_hours="de 9h à midi"),
        a_feature("node/2", name="Le Fumoir", shop="tobacco"),
        a_feature("way/3", name="Trop Loin", at=(48.85, 2.35)),
        a_feature("node/4", name="Banc", shop=None, amenity="bench"),
    )
    said, report = run(file)
    assert (said.code, said.err) == (0, "")
    assert [(row["row"], row["source"], row["verdict"]) for row in report] == [
        ("1", "osm:node/1", "taken"),
        ("2", "osm:node/2", "refused"),
        ("3", "osm:way/3", "refused"),
        ("4", "osm:node/4", "refused"),
    ]
    assert report[0]["page"] == "/s/au-pain-d-hier-bethune"
    assert "horaires" in report[0]["remarks"]
    assert "admise" in report[1]["reason"]
    assert "agglomération" in report[2]["reason"]
    assert "catégories" in report[3]["reason"]
    for words in ("1 pris", "0 mis à jour", "3 refusés", "1 : Cette catégorie", "1 : Pris sans ses horaires"):
        assert words in said.out.replace("\N{NO-BREAK SPACE}", " ")
    assert [shop.source for shop in shops(engine)] == ["osm:node/1"]


def test_a_file_of_sirene_is_taken_and_partial_diffusion_is_not_repeated(engine, run):
    file = a_table(
        a_line(), a_line(statutDiffusionEtablissement="P", enseigne1Etablissement="CHEZ JEANNE"), delimiter=";"
    )
    said, report = run(file, LANG="en_GB")
    assert said.code == 0
    assert "1 taken" in said.out
    assert "Partial diffusion" in said.out
    assert "JEANNE" not in said.out + str(report)
    assert [(shop.name, shop.street, shop.insee_code) for shop in shops(engine)] == [
        ("AU PAIN D HIER", "12 RUE DE LILLE", "62119")
    ]


def test_twice_changes_nothing_and_says_so(engine, run):
    run(some(7))
    before = [(shop.id, shop.version, shop.updated_at) for shop in shops(engine)]
    said, report = run(some(7))
    assert "0 pris" in said.out
    assert "7 inchangés" in said.out
    assert {row["verdict"] for row in report} == {"unchanged"}
    assert [(shop.id, shop.version, shop.updated_at) for shop in shops(engine)] == before
    with reading(engine)() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "shops.imported")).all()
    assert [entry.detail["rows"] for entry in entries] == [{"taken": 7, "updated": 0, "unchanged": 0, "refused": 0}]


def test_a_trial_writes_nothing(engine, run):
    said, report = run(some(3), "--dry-run")
    assert said.code == 0
    assert "3 pris" in said.out
    assert "essai" in said.out
    assert [row["verdict"] for row in report] == ["taken"] * 3
    with reading(engine)() as session:
        assert session.scalars(select(AuditEntry)).all() == []
    assert count(engine) == 0


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "vide"),
        (some(900)[:-3], "JSON"),
        (a_table(*[a_line()] * 900)[:-60], "coupé"),
        (b"a,b\n1,2\n", "siret"),
    ],
    ids=["empty", "cut JSON", "cut CSV", "another CSV"],
)
def test_a_broken_file_is_refused_and_nothing_is_written(engine, citylife, tmp_path, file, why):
    path, report = kept(tmp_path, "file", file), tmp_path / "report.csv"
    said = citylife("shops", "import", path, "--report", str(report))
    assert (said.code, said.out) == (1, "")
    assert why in said.err
    assert "rien n’est écrit" in said.err
    assert count(engine) == 0
    assert not report.exists()


def test_what_cannot_be_read_or_written_is_said(engine, citylife, tmp_path):
    path = kept(tmp_path, "file", some(1))
    for words, why in (
        ((str(tmp_path / "none"),), "none"),
        ((str(tmp_path),), "fichier"),
        (("/dev/null",), "fichier"),
        ((path, "--report", path), "effacerait"),
        ((path, "--report", str(tmp_path / "no" / "report.csv")), "report.csv"),
    ):
        said = citylife("shops", "import", *words)
        assert (said.code, said.out) == (1, ""), words
        assert why in said.err
    assert Path(path).read_bytes() == some(1)
    assert count(engine) == 0


def test_nothing_in_a_report_runs_in_a_spreadsheet_or_breaks_a_line(engine, run):
    names = ["=HYPERLINK(1)", "+33", "-1+1", "@SUM(A1)", "a\nb\u202ec\0", "\t=1", "x" * 100_000, 'Pain, "vin"; pâté']
    said, report = run(a_collection(*(a_feature(f"node/{n}", name=name) for n, name in enumerate(names, start=1))))
    assert said.code == 0
    written = [row["name"] for row in report]
    assert len(written) == len(names)
    assert not [name for name in written if name.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(name.isprintable() and len(name) <= 201 for name in written)
    assert written[-1] == names[-1]


def test_an_announced_offer_says_what_its_shop_is_called_now(engine, run):
    with writing(engine).begin() as session:
        shop = a_shop(session, "Ancien Nom")
        offer = an_offer(session, shop)
        shop.status, shop.source = ShopStatus.LISTED, "osm:node/123"
        offer_id = offer.id
    said, report = run(a_collection(a_feature(name="Nouveau Nom")))
    assert (said.code, report[0]["verdict"]) == (0, "updated")
    with reading(engine)() as session:
        piece = orjson.loads(session.get(Offer, offer_id).piece)
    assert piece["shop"]["name"] == "Nouveau Nom"


def test_what_is_imported_is_found_by_its_words(engine, run):
    def found(words: str) -> list[str]:
        with reading(engine)() as session:
            return [shop.name for shop in find_shops(session, q=words, limit=5, now=NOW).things]

    run(a_collection(a_feature(name="Chez Zéphyrine")))
    assert found("zephyrine") == ["Chez Zéphyrine"]
    run(a_collection(a_feature(name="Le Biplan")))
    assert (found("zephyrine"), found("biplan")) == ([], ["Le Biplan"])


def test_bare_addresses_are_asked_for_once(engine, run, played):
    played.troubles = [Trouble(429, headers=(("Retry-After", "1"),))]
    known, unknown = a_line(**NOWHERE), a_line(**NOWHERE, libelleVoieEtablissement="INCONNUE", siret=a_siret())
    settings = {"CITYLIFE_GEOCODER_URL": played.url, "CITYLIFE_CONTACT": CONTACT}
    began = time.monotonic()
    said, report = run(a_table(known, unknown), **settings)
    assert said.code == 0, said.err
    assert time.monotonic() - began >= 1
    assert [row["verdict"] for row in report] == ["taken", "refused"]
    assert "introuvable" in report[1]["reason"]
    assert len(played.asked) == 3
    (shop,) = shops(engine)
    assert (shop.latitude, shop.longitude) == GRAND_PLACE
    _, report = run(a_table(known), **settings)
    assert (report[0]["verdict"], len(played.asked)) == ("unchanged", 3)


def test_without_a_service_bare_addresses_are_refused(engine, run):
    said, report = run(a_table(a_line(**NOWHERE)))
    assert said.code == 0
    assert report[0]["reason"] == "Sans position."


def test_a_broken_service_costs_only_the_rows_that_need_it(engine, run, played):
    played.always = Trouble(403)
    lines = [a_line(**NOWHERE) for _ in range(9)]
    said, report = run(
        a_table(*lines, a_line(enseigne1Etablissement="AVEC POSITION")),
        CITYLIFE_GEOCODER_URL=played.url,
        CITYLIFE_CONTACT=CONTACT,
    )
    assert said.code == 0
    assert [row["verdict"] for row in report] == ["refused"] * 9 + ["taken"]
    assert len(played.asked) == 5


@pytest.mark.parametrize("url", ["data.geopf.fr", "ftp://data.geopf.fr", "https://", "https://data.geopf.fr/?q=1"])
def test_the_address_of_the_service_is_one_of_the_web(citylife, tmp_path, url):
    said = citylife("shops", "import", kept(tmp_path, "file", some(1)), CITYLIFE_GEOCODER_URL=url)
    assert said.code == 1
    assert "CITYLIFE_GEOCODER_URL" in said.err


def test_a_batch_that_meets_another_writer_is_written_anew(engine, run, monkeypatch):
    """Somebody else brings the same object after the batch looked for it and before it writes it."""
    real = importing.take
    met = []

    def take(session, candidates, *, now):
        if not met:
            met.append(True)
            raise importing.IntegrityError("INSERT", {}, Exception("taken"))
        return real(session, candidates, now=now)

    monkeypatch.setattr(importing, "take", take)
    _, report = run(some(2))
    assert [row["verdict"] for row in report] == ["taken", "taken"]


def test_progress_is_told_line_by_line_where_there_is_no_terminal(engine, run, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    monkeypatch.setattr(progress, "LINE_EVERY", 4)
    said, _ = run(some(9))
    assert said.err.splitlines() == ["4 lignes sur 9", "8 lignes sur 9"]
    assert count(engine) == 9


def test_progress_is_drawn_on_a_terminal(ready, tmp_path):
    ours, theirs = pty.openpty()
    try:
        path = kept(tmp_path, "file", some(3))
        done = subprocess.run(
            [CONSOLE, "shops", "import", path],
            env=ready.environment(),
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
        )
        drawn = os.read(ours, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "100%" in drawn
    assert b"3 pris" in done.stdout


@pytest.fixture
def interruptible():
    """What a shell starts in the background ignores Ctrl-C, and hands that on: the processes of this test do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.long
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_import_keeps_whole_batches_and_goes_on_when_run_again(ready, tmp_path):
    path = kept(tmp_path, "file", some(MANY))
    process = ready.start("shops", "import", path)
    engine = engine_for(f"sqlite:///{ready.folder / 'citylife.db'}")
    try:
        until = time.monotonic() + 60
        while count(engine) < 1_000:
            assert time.monotonic() < until
            assert process.poll() is None, ready.printed()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, ready.printed()
        kept_rows = count(engine)
        assert kept_rows % importing.BATCH == 0
        assert 1_000 <= kept_rows < MANY
        assert "Interrompu" in ready.printed()
        again = ready.call("shops", "import", path)
        assert again.returncode == 0, again.stderr
        assert count(engine) == MANY
        said = again.stdout.replace("\N{NARROW NO-BREAK SPACE}", "").replace("\N{NO-BREAK SPACE}", "")
        assert f"{MANY - kept_rows} pris" in said
        assert f"{kept_rows} inchangés" in said
    finally:
        process.kill()
        process.wait()
        engine.dispose()
