"""A walk through what there is to see of signing in with the association's provider."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.desk import send
from tests.support.oidc import Idp, at_provider, offered, providing
from wizard.core.clock import FixedClock
from wizard.web.staff.oidc import TROUBLE

HERE, MINE, SIGN_IN = "http://localhost", "/staff/my-sign-in", "/staff/sign-in"


def elsewhere(client: FlaskClient, clock: FixedClock) -> None:
    """Every reason why not, in, and out again; then as the only way, without a name."""
    with providing() as idp:
        idp.clock = clock
        with offered(client.application, idp, HERE):
            for trouble in TROUBLE:
                client.get(SIGN_IN, query_string={"trouble": trouble})
            _in_and_out(client, idp)
        with offered(client.application, idp, HERE, oidc_label="", staff_passwords=False):
            _in_and_out(client, idp)


def _in_and_out(client: FlaskClient, idp: Idp) -> None:
    client.get(SIGN_IN)
    sent = at_provider(client.get(f"{SIGN_IN}/oidc").headers["Location"])
    assert client.get(f"{SIGN_IN}/oidc/callback", query_string=sent).headers["Location"] == "/staff/", idp.asked
    client.get(MINE)
    send(client, "/staff/sign-out", of=MINE)
    client.get("/staff/signed-out")
