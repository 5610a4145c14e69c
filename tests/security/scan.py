"""Have an outside scanner (wapiti) look for weaknesses in the running wizard, as nobody and as staff: `make scan`.

It runs in an environment of its own and talks to this machine alone. Each finding is printed; one that
docs/security.md does not explain makes it fail.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import MEMORY
from tests.support.serving import Served, serving
from wizard.commands.demo import STAFF
from wizard.config import Settings, variable

# All but what asks servers elsewhere, and what is about other products, or a directory, which there is none of.
MODULES = (
    *("backup", "brute_login_form", "cookieflags", "crlf", "csp", "csrf", "exec", "file", "htaccess", "http_headers"),
    *("https_redirect", "methods", "permanentxss", "redirect", "sql", "ssl", "timesql", "upload", "xss"),
)
# What ends the scanner's own sign-in.
LEFT_OUT = ("/staff/sign-out", "/staff/my-sign-in/sign-out-everywhere", "/staff/my-sign-in/password", "/finish")
# Many requests come from one address.
LIMITS = {variable(name): "1000000 per minute" for name in Settings.model_fields if name.startswith("limit_")}
# What it says that is not so, or only in development, by category and place: docs/security.md, Scans.
EXPLAINED: Mapping[str, str] = {
    "Secure Flag cookie": "GET /",
    "Unencrypted Channels": "GET /",
    "Cross Site Request Forgery": "POST /staff/bulk",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the scanner says."""

    category: str
    place: str
    words: str

    @property
    def is_explained(self) -> bool:
        return EXPLAINED.get(self.category) == self.place

    def __str__(self) -> str:
        mark = "explained" if self.is_explained else "UNEXPLAINED"
        return f"{mark}: {self.category}: {self.place}: {self.words}"


def scanned(wapiti: Path, served: Served, report: Path, *, as_staff: bool, seconds: int) -> list[Finding]:
    """What the scanner finds on a running server."""
    username, _, _, password = STAFF[-1]
    sign_in = ("--form-url", f"{served.url}/staff/sign-in", "--form-user", username, "--form-password", password)
    done = subprocess.run(
        [
            *(str(wapiti), "--url", f"{served.url}/", "--scope", "domain", "--module", ",".join(MODULES)),
            *("--max-scan-time", str(seconds), "--max-attack-time", str(seconds // 6), "--timeout", "10"),
            *("--max-links-per-page", "60", "--max-files-per-dir", "60", "--flush-session", "--no-bugreport"),
            *("--store-session", str(report.parent / report.stem), "--format", "json", "--output", str(report)),
            *("--start", f"{served.url}/staff/", "--start", f"{served.url}/api", "--verbose", "1"),
            *(part for path in LEFT_OUT for part in ("--exclude", f"{served.url}{path}")),
            *(sign_in if as_staff else ()),
        ],
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"wapiti ended with {done.returncode}")
    return list(_findings(json.loads(report.read_text(encoding="utf-8"))))


def _findings(report: Mapping[str, Mapping[str, Sequence[Mapping[str, str]]]]) -> Iterator[Finding]:
    for kind in ("vulnerabilities", "anomalies"):
        for category, found in report[kind].items():
            for each in found:
                yield Finding(category, f"{each['method']} {each['path']}", each["info"])


def main() -> None:
    """Scan twice, print all findings, and fail where one is not explained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wapiti", type=Path, help="the scanner's command")
    parser.add_argument("--seconds", type=int, default=900, help="how long each of the two scans may take at most")
    parser.add_argument("--who", nargs="+", choices=("nobody", "staff"), default=("nobody", "staff"), help="as whom")
    given = parser.parse_args()
    unexplained = 0
    # The scanner's own SQLite does not wait for a busy disk.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        root = Path(place)
        (root / "data").mkdir()
        with serving(root / "data", LIMITS) as served:
            for who in given.who:
                report = root / f"{who}.json"
                found = scanned(given.wapiti, served, report, as_staff=who == "staff", seconds=given.seconds)
                unexplained += sum(not each.is_explained for each in found)
                sys.stdout.write("\n".join((f"== as {who}: {len(found)} findings", *map(str, found), "")))
    raise SystemExit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
