"""Assets, service worker and manifest: kept for ever under their edition, and never a trap."""

import json
import math
import re

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages import assets
from citylife.follows import Follow
from citylife.wording import LOCALES, say
from tests.builders import a_shop
from tests.pages.conftest import OURS, Browser


def test_an_asset_of_the_present_edition_is_kept_for_ever(reader: Browser):
    address = reader.get("/").one('link[rel="stylesheet"]').attrs["href"]

    with reader.client.get(address) as answer:
        assert answer.mimetype == "text/css"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert assets.present_edition() in address


def test_an_asset_of_another_edition_is_asked_for_again_next_time(reader: Browser):
    with reader.client.get("/assets/000000000000/citizen/in-place.js") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "text/javascript"
        assert answer.headers["Cache-Control"] == "no-cache"


def test_a_changed_asset_makes_another_edition(tmp_path, monkeypatch):
    (tmp_path / "a.css").write_text("a{}")
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    before = assets.present_edition.__wrapped__()
    (tmp_path / "a.css").write_text("b{}")

    assert re.fullmatch(r"[0-9a-f]{12}", before)
    assert assets.present_edition.__wrapped__() != before


def test_nothing_outside_the_folder_is_served(reader: Browser):
    for name in ("../assets.py", "..%2fassets.py", "%2e%2e/assets.py", "nothing.css"):
        assert reader.client.get(f"/assets/{assets.present_edition()}/{name}").status_code == 404, name


def test_the_service_worker_is_served_from_the_root_and_looked_for_at_each_visit(reader: Browser):
    answer = reader.client.get("/service-worker.js")

    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["ETag"]
    assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]
    code = answer.get_data(as_text=True)
    [last_resort] = re.findall(r"const LAST_RESORT = (\{.*\});", code)
    assert json.loads(last_resort) == {locale: say(assets.LAST_RESORT, locale) for locale in LOCALES}
    assert "{{" not in code


def test_the_worker_keeps_an_edition_whole_and_changes_with_it(reader: Browser, monkeypatch: pytest.MonkeyPatch):
    code = reader.client.get("/service-worker.js").get_data(as_text=True)
    [files] = re.findall(r"const FILES = (\[.*\]);", code)
    addresses = [*json.loads(files), *re.findall(r'"(/assets/[^"]+/worker/[^"]+)"', code)]
    for address in addresses:
        with reader.client.get(address) as answer:
            assert answer.status_code == 200, address
            assert answer.headers["Cache-Control"] == assets.FOR_EVER, address
    assert len(addresses) > 14
    kept = {address.partition(assets.present_edition())[2] for address in addresses}
    page = reader.get("/mes-commerces")
    asked = [found.attrs.get("src") or found.attrs["href"] for found in page.all("script[src], link[rel=stylesheet]")]
    assert {address.partition(assets.present_edition())[2] for address in asked} <= kept

    monkeypatch.setattr(assets, "present_edition", lambda: "0123456789ab")

    assert reader.client.get("/service-worker.js").get_data(as_text=True) != code


def test_the_worker_is_told_whose_page_it_is_and_which_it_may_keep(reader: Browser, street: sessionmaker[Session]):
    with street.begin() as session:
        shop = a_shop(session)
    nobody = reader.get("/mes-commerces")
    reader.press(reader.get(f"/s/{shop.slug}"), "Suivre")
    hers, again = reader.get("/mes-commerces"), reader.get("/chercher")
    other = Browser(reader.app)
    other.press(other.get(f"/s/{shop.slug}"), "Suivre")

    tags = [page.answer.headers["Citylife-Reader"] for page in (nobody, hers, again, other.get("/"))]
    assert tags[0] == "nobody"
    assert tags[1] == tags[2] != tags[3]
    assert all(re.fullmatch("[0-9a-f]{16}", tag) for tag in tags[1:])
    for path in ("/mes-commerces", "/chercher", "/autour", f"/s/{shop.slug}"):
        assert reader.get(path).answer.headers["Citylife-Keep"] == "fr", path
    for path in ("/hors-ligne", "/connexion", "/confidentialite", "/nulle-part", "/api/v1/me"):
        assert "Citylife-Keep" not in reader.get(path).answer.headers, path


def test_what_was_tapped_without_a_network_is_done_once_and_in_nobody_else_s_name(
    reader: Browser, street: sessionmaker[Session]
):
    with street.begin() as session:
        shop = a_shop(session)
    reader.press(reader.get(f"/s/{shop.slug}"), "Suivre")
    tag = reader.get("/").answer.headers["Citylife-Reader"]
    sent = {**OURS, "Idempotency-Key": "of-this-very-tap-0001"}

    refused = reader.post(f"/s/{shop.slug}/unfollow", headers={**sent, "Citylife-Reader": "0" * 16})
    assert refused.status_code == 409
    first = reader.post(f"/s/{shop.slug}/unfollow", headers={**sent, "Citylife-Reader": tag})
    reader.press(reader.get(f"/s/{shop.slug}"), "Suivre")
    second = reader.post(f"/s/{shop.slug}/unfollow", headers={**sent, "Citylife-Reader": tag})

    assert (first.status_code, second.status_code) == (303, 303)
    assert second.headers["Idempotency-Replayed"] == "true"
    with street() as session:
        assert len(session.scalars(select(Follow)).all()) == 1


def test_an_erased_citizen_s_browser_is_told_to_forget_everything(reader: Browser, street: sessionmaker[Session]):
    with street.begin() as session:
        shop = a_shop(session)
    followed = reader.post(f"/s/{shop.slug}/follow")
    erased = reader.client.delete("/api/v1/me", headers=OURS)

    assert followed.headers["Citylife-Reader"] == erased.headers["Citylife-Reader"] == "changed"
    assert "Clear-Site-Data" not in followed.headers
    assert erased.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_the_manifest_lets_a_phone_keep_it_beside_its_apps(reader: Browser):
    page = reader.get("/")
    answer = reader.client.get(page.one('link[rel="manifest"]').attrs["href"])

    assert answer.mimetype == "application/manifest+json"
    said = answer.get_json()
    assert (said["name"], said["start_url"], said["scope"], said["display"]) == (
        "Citylife",
        "/mes-commerces",
        "/",
        "standalone",
    )
    assert {icon["sizes"] for icon in said["icons"]} >= {"192x192", "512x512"}
    for icon in said["icons"]:
        with reader.client.get(icon["src"]) as image:
            assert image.mimetype == "image/png"
            size = int(icon["sizes"].partition("x")[0])
            header = image.get_data()[:24]
            assert (header[:8], header[16:20], header[20:24]) == (
                b"\x89PNG\r\n\x1a\n",
                size.to_bytes(4, "big"),
                size.to_bytes(4, "big"),
            )


def test_a_manifest_carries_a_code_into_the_app_that_is_installed_and_nothing_else(reader: Browser):
    carried = reader.client.get("/manifest.webmanifest?lang=fr&code=7K3QX-0M9DH")

    assert carried.get_json()["start_url"] == "/mes-commerces#7K3QX-0M9DH"
    assert carried.get_json()["id"] == "/"
    assert carried.headers["Cache-Control"] == "no-store"
    for code in ("", "7K3QX", "//evil.example", "7K3QX-0M9DH/../x", "7k3qx-0m9dh"):
        plain = reader.client.get("/manifest.webmanifest", query_string={"code": code})
        assert plain.get_json()["start_url"] == "/mes-commerces", code


@pytest.mark.parametrize("size", [192, 512])
def test_an_icon_that_phones_mask_keeps_its_drawing_in_the_middle_and_another_is_shown_as_it_is(size: int):
    masked, shown = (Image.open(assets.FOLDER / f"{name}-{size}.png").convert("RGBA") for name in ("maskable", "icon"))
    ground = masked.getpixel((0, 0))
    middle = (size - 1) / 2

    drawn = [
        (x, y)
        for x in range(size)
        for y in range(size)
        if masked.getpixel((x, y)) != ground and math.hypot(x - middle, y - middle) > 0.4 * size
    ]

    assert drawn == [], "cut off by a round mask: only the middle 80 % is safe"
    assert masked.getextrema()[3] == (255, 255), "a mask must find no hole"
    assert shown.getpixel((0, 0))[3] == 0, "the corners are cut by nobody but us"


def test_the_colours_of_the_manifest_are_those_of_the_stylesheet(app: Flask):
    style = (assets.FOLDER / "citylife.css").read_text(encoding="utf-8")

    assert f"--fill: {assets.THEME};" in style
    assert f"--paper: {assets.PAPER};" in style


def test_the_colours_around_a_page_are_those_of_the_stylesheet_by_day_and_by_night(reader: Browser):
    style = (assets.FOLDER / "citylife.css").read_text(encoding="utf-8")
    by_day, by_night = style.split("@media (prefers-color-scheme: dark)", 1)
    night, day = reader.get("/").all('meta[name="theme-color"]')

    assert "dark" in night.attrs["media"]
    assert f"--paper: {night.attrs['content']};" in by_night
    assert f"--fill: {day.attrs['content']};" in by_day


def test_every_colour_of_the_stylesheet_has_a_name():
    style = (assets.FOLDER / "citylife.css").read_text(encoding="utf-8")
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)

    unnamed = [
        line.strip()
        for line in style.splitlines()
        if re.search(r"#[0-9a-f]{3,8}\b|\brgba?\(", line) and not line.strip().startswith("--")
    ]

    assert unnamed == []
    assert set(re.findall(r"var\((--[a-z-]+)\)", style)) <= set(re.findall(r"(--[a-z-]+):", style))
