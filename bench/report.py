"""Tables to read, JSON to compare, and charts to look at."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from bench.requests import Result
from bench.rounds import Row

DIRECTORY = Path("build/bench")
COLOURS = {"A": "#767676", "B": "#8a6d1d", "C": "#44695b", "product": "#0e4d40", "API": "#1f5f8b", "desk": "#7a3b69"}
_BAR, _STEP, _LEFT, _WIDTH = 14, 20, 260, 900


def show(result: Result) -> None:
    """A table of all rows."""
    heads = ("/s", "p50 ms", "p99 ms", "CPU ms", "of A", "of A's CPU", "Redis", "SQL", "client")
    sys.stdout.write(f"{'app':<8} {'request':<28}" + "".join(f"{head:>11}" for head in heads) + "\n")
    for row in result.rows:
        figures = (
            *(f"{row.per_second:.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", f"{row.cpu_ms:.3f}"),
            *(f"{row.of_floor:.2f}", f"{row.of_floor_cpu:.2f}", f"{row.redis:.1f}", f"{row.sql:.1f}"),
            f"{row.client_busy:.0%}",
        )
        sys.stdout.write(f"{row.app:<8} {row.request:<28}" + "".join(f"{each:>11}" for each in figures) + "\n")
    sys.stdout.write(f"The client alone, with a server that does nothing: {result.client_per_second:.0f} a second.\n")
    held = ", ".join(f"{app} {mb:.0f} MB" for app, mb in result.memory_mb.items())
    sys.stdout.write(f"Memory of the workers: {held}.\n")
    weight = result.weight
    sys.stdout.write(
        f"A registration in Valkey: {weight.session:.0f} bytes ({weight.document:.0f} its document, "
        f"{weight.indexes:.0f} in indexes); a browser's session: {weight.browser:.0f}.\n"
    )
    sys.stdout.write("Valkey and PostgreSQL (in memory, no disk) shared the client's core; the server had its own.\n")


def write(parts: dict[str, Any], rows: Sequence[Row]) -> None:
    """Everything as JSON, and charts of the rows, under build/bench/."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **parts}
    (DIRECTORY / "results.json").write_text(json.dumps(told, indent=2, default=asdict), encoding="utf-8")
    if rows:
        (DIRECTORY / "rates.svg").write_text(chart(rows, "per_second", "Requests a second"), encoding="utf-8")
        (DIRECTORY / "cpu.svg").write_text(chart(rows, "cpu_ms", "CPU milliseconds a request"), encoding="utf-8")


def machine() -> str:
    """What it was measured on."""
    model = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    named = model[0].partition(":")[2].strip() if model else platform.machine()
    return f"{named}, {len(model)} cores, Python {platform.python_version()}"


def chart(rows: Sequence[Row], what: str, title: str) -> str:
    """Bars, one a row."""
    most = max(getattr(row, what) for row in rows)
    bars = "\n".join(_bar(row, getattr(row, what), most, 40 + number * _STEP) for number, row in enumerate(rows))
    height = 50 + len(rows) * _STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(title)}">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="8" y="22" font-size="16">{escape(title)}</text>\n{bars}\n</svg>\n'
    )


def _bar(row: Row, value: float, most: float, y: int) -> str:
    width = max(1.0, (_WIDTH - _LEFT - 80) * value / most)
    shown = f"{value:.0f}" if value >= _STEP else f"{value:.2f}"
    return (
        f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(f"{row.app} {row.request}")}</text>'
        f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{COLOURS[row.app]}"/>'
        f'<text x="{_LEFT + width + 6:.1f}" y="{y + 11}">{shown}</text>'
    )
