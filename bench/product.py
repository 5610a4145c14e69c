"""This product for gunicorn, as the peers run: one worker, lines of JSON as in production."""

from __future__ import annotations

from wizard import create_app, logs
from wizard.config import Settings

app = create_app()
settings: Settings = app.extensions["wizard_settings"]
logs.configure(production=settings.is_production)
