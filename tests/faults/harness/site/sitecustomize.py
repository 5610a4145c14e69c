"""Read by every Python process of a site under test as it starts: with it they can be told to die at a named point."""

import os
from pathlib import Path

if armed := os.environ.get("CRASH_POINTS"):
    from tests.faults.harness.crash_points import install

    install(Path(armed))
