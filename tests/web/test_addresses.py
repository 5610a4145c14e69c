from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, render_template_string, url_for
from flask_babel import force_locale

from wizard.web.addresses import address
from wizard.web.texts import lazy_gettext

LATER = lazy_gettext("Continue later")
THINGS = lazy_gettext("Choose %(answer)s", answer="<b>")


@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("applicant.start", {}),
        ("platform.language", {"language": "fr"}),
        ("applicant.step", {"session_id": str(uuid4()), "step": "education"}),
        ("applicant.step", {"session_id": str(uuid4()), "step": "coto", "_anchor": "coto_registration"}),
        ("applicant.step", {"session_id": str(uuid4()), "step": "account", "entering": None}),
        ("applicant.field", {"session_id": str(uuid4()), "name": "country", "appearing": 1}),
        ("applicant.field", {"session_id": "no id/of ours", "name": "country", "appearing": True}),
        ("applicant.start", {"_external": True}),
    ],
)
def test_an_address_is_what_flask_makes_it(app: Flask, endpoint: str, values: dict[str, Any]) -> None:
    for root in ("", "/below"):
        with app.test_request_context("/", base_url=f"http://localhost{root}"):
            for _ in range(2):
                assert address(endpoint, **values) == url_for(endpoint, **values)


def test_an_address_of_one_registration_is_not_that_of_another(app: Flask) -> None:
    with app.test_request_context("/"):
        made = {address("applicant.step", session_id=str(uuid4()), step="coto") for _ in range(3)}
    assert len(made) == 3


def test_a_template_speaks_the_language_of_each_page(app: Flask) -> None:
    template = '{{ _("Continue later") }} {{ _("Choose %(answer)s", answer=name) }}'
    with app.test_request_context("/"):
        for language, said in (("en", "Continue later"), ("fr", "Continuer plus tard"), ("en", "Continue later")):
            with force_locale(language):
                assert render_template_string(template, name="<i>").startswith(said)
                assert "&lt;i&gt;" in render_template_string(template, name="<i>")


def test_a_sentence_for_later_is_said_in_the_language_of_each_page(app: Flask) -> None:
    assert str(LATER) == "Continue later"
    with app.test_request_context("/"):
        for language, said in (("fr", "Continuer plus tard"), ("en", "Continue later")):
            with force_locale(language):
                assert str(LATER) == render_template_string("{{ text }}", text=LATER) == said
        assert render_template_string("{{ text }}", text=THINGS).endswith("&lt;b&gt;")


def test_no_request_ends_by_starting_a_thread(app: Flask) -> None:
    assert [each for each in app.teardown_appcontext_funcs if each.__name__ == "_close_async_sessions"] == []
