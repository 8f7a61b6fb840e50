"""Deprecation: what goes away says so, a year before."""

import datetime as dt
from email.utils import parsedate_to_datetime

import pytest
from flask import Flask, Response

from blueprints.deprecation import deprecated

SINCE = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
MORE = "https://citylife.example/api/docs"


@deprecated(SINCE, SINCE + dt.timedelta(days=400), more=MORE)
def old_view() -> Response:
    return Response("still here", headers={"Link": '</next>; rel="next"'})


@deprecated(SINCE, SINCE + dt.timedelta(days=400), more=MORE)
def old_refusal() -> Response:
    raise LookupError


def test_every_answer_of_what_goes_away_says_since_when_until_when_and_what_to_do():
    app = Flask(__name__)
    app.add_url_rule("/old", view_func=old_view)
    app.add_url_rule("/refused", view_func=old_refusal)
    app.register_error_handler(LookupError, lambda _: Response(status=404))
    for path, status in (("/old", 200), ("/refused", 404)):
        answer = app.test_client().get(path)
        assert answer.status_code == status
        assert answer.headers["Deprecation"] == "@1798761600"
        assert parsedate_to_datetime(answer.headers["Sunset"]) == SINCE + dt.timedelta(days=400)
        links = ", ".join(answer.headers.getlist("Link"))
        assert f'<{MORE}>; rel="deprecation"' in links
        assert f'<{MORE}>; rel="sunset"' in links
        assert ('rel="next"' in links) == (status == 200)


def test_the_document_says_it_too():
    assert old_view._apidoc["manual_doc"]["deprecated"] is True


def test_less_than_a_year_s_notice_is_refused():
    with pytest.raises(ValueError, match="365"):
        deprecated(SINCE, SINCE + dt.timedelta(days=364), more=MORE)
