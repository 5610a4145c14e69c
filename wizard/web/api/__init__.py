"""The JSON API, for other systems of the association (04-api)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, Response, g

from wizard.services.ports.answers import KeptAnswers
from wizard.web import language
from wizard.web.api import calling, reference, reference_page
from wizard.web.api.endpoints import ENDPOINTS, Endpoint
from wizard.web.requests import REFERENCE, is_api

blueprint = Blueprint("api", __name__)


def init_app(app: Flask, kept: KeptAnswers) -> None:
    """Let other systems call an app; what is sent again is answered from what was kept."""
    app.extensions[calling.EXTENSION] = kept
    app.register_blueprint(blueprint)
    app.after_request(_head)


def _view(endpoint: Endpoint) -> Callable[..., Response]:
    def view(**place: str) -> Response:
        call = calling.caller(is_open=endpoint.is_open)

        def do() -> Response:
            query = calling.query(endpoint.query)
            body = calling.body(endpoint.body)
            sent = query if endpoint.takes_query else body
            return calling.answered(endpoint.view(call, sent, **place))

        return calling.once(call, do)

    return view


def _head(response: Response) -> Response:
    """What every answer of the API says beside itself."""
    if is_api():
        response.headers.update(calling.quota_headers(g.get("quotas", [])))
        # An answer that was kept says in which language it is.
        response.headers.setdefault("Content-Language", language.current())
        response.vary.add("Accept-Language")
    return response


for _endpoint in ENDPOINTS:
    blueprint.add_url_rule(_endpoint.rule, _endpoint.name, _view(_endpoint), methods=[_endpoint.method])
blueprint.add_url_rule("/openapi.json", "document", reference.document)
blueprint.add_url_rule(REFERENCE, "reference", reference_page.page)
