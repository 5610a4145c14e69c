"""Whom this machine trusts, by the certificates on it; those that come new are known after a restart."""

from __future__ import annotations

import ssl
from functools import lru_cache


def trusted() -> ssl.SSLContext:
    """For connections to others; read once, for reading takes 15 ms of a processor, two thirds of what a mail costs."""
    return _reading(ssl.get_default_verify_paths())


@lru_cache
def _reading(_paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    return ssl.create_default_context()
