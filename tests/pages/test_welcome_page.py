"""The welcome: what this is, and where to look."""

import pytest

from tests.pages.conftest import Browser


def test_a_newcomer_reads_what_it_is_and_where_to_look(reader: Browser):
    page = reader.get("/")

    assert page.text("h1") == "Vos commerces vous font signe."
    assert len(page.all(".steps li")) == 3
    assert page.one("form[role=search]").attrs["action"] == "/chercher"
    assert len(page.all("#commune option")) == 101
    for link in page.all("main .choice a, main a.button"):
        assert reader.get(link.attrs["href"]).text("h1") == "Chercher"


@pytest.mark.parametrize("query", ["q=caf%C3%A9&commune=62119", "commune=62178", "cursor=x", "q=%22%3E&lang=en"])
def test_what_was_once_sought_here_is_sought_where_it_is_now(reader: Browser, query: str):
    answer = reader.get(f"/?{query}").answer

    assert (answer.status_code, answer.headers["Location"]) == (301, f"/chercher?{query}")
