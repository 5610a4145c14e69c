"""Static files: under addresses that change with their contents, compressed once, at the start."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from flask import Flask, Response, abort, request

from wizard.web.addresses import address

_DIGEST_LENGTH = 16
# Fonts and pictures of dots are compressed already.
_TEXT = frozenset({".css", ".js", ".svg", ".txt", ".md"})
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent; `compressed` where that is worth it."""

    digest: str
    mimetype: str
    content: bytes
    compressed: bytes | None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and compress a file."""
        content = path.read_bytes()
        compressed = gzip.compress(content, mtime=0) if path.suffix in _TEXT else None
        mimetype = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH], mimetype, content, compressed)

    def response(self) -> Response:
        """The file for this request: compressed if the browser can, and nothing if it has it already."""
        squeezed = self.compressed if request.accept_encodings.quality("gzip") else None
        response = Response(squeezed or self.content, mimetype=self.mimetype)
        if squeezed:
            response.content_encoding = "gzip"
        if self.compressed:
            response.vary.add("Accept-Encoding")
        response.set_etag(f"{self.digest}-gzip" if squeezed else self.digest)
        response.make_conditional(request)
        return response


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """All of them, read at the start: the same in every worker."""

    files: Mapping[str, StaticFile]

    @classmethod
    def under(cls, folder: Path) -> Self:
        """All files of a folder."""
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return cls({path.relative_to(folder).as_posix(): StaticFile.read(path) for path in paths})

    def url(self, filename: str) -> str:
        """Where a file is, under an address that changes with its contents. Raises `KeyError` where there is none."""
        return address("static", filename=filename, v=self.files[filename].digest)

    def serve(self, filename: str) -> Response:
        """A file by its name."""
        found = self.files.get(filename)
        return found.response() if found else abort(404)

    def caching(self) -> str:
        """How long what was asked for may be kept: for good, if asked for by its digest."""
        found = self.files.get((request.view_args or {}).get("filename", ""))
        return _FOR_GOOD if found and request.args.get("v") == found.digest else _ASK_AGAIN


def init_app(app: Flask, folder: Path) -> StaticFiles:
    """Serve the files of a folder under /static/."""
    files = StaticFiles.under(folder)
    app.add_url_rule("/static/<path:filename>", "static", files.serve)
    app.jinja_env.globals["static_url"] = files.url
    app.extensions["wizard_static"] = files.files
    return files
