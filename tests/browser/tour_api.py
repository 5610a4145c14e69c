"""The page for those who write programs that call the API."""

from __future__ import annotations

from tests.browser.tour import Tour


def reference(tour: Tour) -> None:
    """As the browser asks for it; then with one of the errors that a problem's type leads to."""
    tour.visit("/api", "api-reference")
    tour.visit("/api#rate_limited", "api-reference-error")


PARTS = (reference,)
