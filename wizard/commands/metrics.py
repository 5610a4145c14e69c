"""The metrics of a process that serves no pages: the app's own page of them, by the same rules, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import click
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PAGE = "/metrics"


@contextmanager
def serving_metrics(app: Flask, host: str, port: int | None) -> Iterator[None]:
    """Serve them beside what is done meanwhile, where a port is named."""
    if port is None:
        yield
        return

    def only_metrics(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (app if environ["PATH_INFO"] == _PAGE else NotFound())(environ, start_response)

    try:
        server = make_server(host, port, only_metrics, threaded=True, request_handler=_Unlogged)
    except (OSError, SystemExit) as error:
        raise click.ClickException(f"{host}, port {port}, cannot be listened on.") from error
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class _Unlogged(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """The app writes a line itself."""
