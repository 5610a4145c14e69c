"""The wizard in which graduates in occupational therapy register their education, and the desk that helps them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from wizard.config import Settings
    from wizard.core.clock import Clock

# In a wheel templates and static files lie inside the package, in a checkout beside it.
_HERE = Path(__file__).resolve().parent
_ROOT = _HERE if (_HERE / "templates").is_dir() else _HERE.parent


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> Flask:
    """The application; settings come from the environment unless given.

    Raises SettingsError that names every setting that is missing or unsafe.
    """
    # Imported here, so that what needs only a part of the package does not load all of it.
    from flask import Flask  # noqa: PLC0415

    from wizard.config import Settings  # noqa: PLC0415
    from wizard.core.clock import SystemClock  # noqa: PLC0415
    from wizard.wiring import wire  # noqa: PLC0415

    app = Flask(__name__, template_folder=_ROOT / "templates", static_folder=None)
    wire(app, settings or Settings.from_env(os.environ), clock or SystemClock(), static=_ROOT / "static")
    return app
