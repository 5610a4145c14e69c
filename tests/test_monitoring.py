"""The dashboard and the alerts ask for what there is: every metric, every label, every word that they name."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from tests.support.applicant import Applicant
from tests.support.metrics import families_of
from tests.support.seed import Seeded
from wizard.core.events import EventName
from wizard.core.registration import Channel
from wizard.services.bundle import Services
from wizard.services.ports.backlog import Queue
from wizard.services.ports.watching import OK, REFUSED
from wizard.storage.unit_of_work import SqlUnitsOfWork

MONITORING = Path(__file__).parent.parent / "docs" / "monitoring"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
# Of Prometheus itself, not of the page.
ITS_OWN = {"up"}
METRIC = re.compile(r"\b(?:wizard_[a-z_]+|up)\b")
SELECTOR = re.compile(r"\b(wizard_[a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!=|!~|=)"([^"]*)"')
GROUPING = re.compile(r"\bby \(([^)]*)\)")
KNOWN: Mapping[str, set[str]] = {
    "event": {name.value for name in EventName},
    "queue": {queue.value for queue in Queue},
    "channel": {channel.value for channel in Channel},
    "outcome": {OK, REFUSED, "given_up"},
    "status": {"5..", "429"},
}


def panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", ())


def rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


QUERIES = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
EXPRESSIONS = [*QUERIES, *(rule["expr"] for rule in rules())]


@pytest.fixture
def page(app: Flask, app_seeded: Seeded, app_units: SqlUnitsOfWork, services: Services) -> str:
    """The metrics after a journey, of which everything has something to say."""
    assert app_seeded.accounts
    applicant = Applicant(app.test_client())
    applicant.start().answer().decide().prove(app_units).declare()
    services.mails.deliver_due()
    return applicant.client.get("/metrics").text


@pytest.fixture
def labels(page: str) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


def test_there_is_much_to_see() -> None:
    assert len(QUERIES) > 30
    assert len(rules()) > 10


def test_every_metric_is_on_the_page(page: str) -> None:
    there = families_of(page) | ITS_OWN
    for expression in EXPRESSIONS:
        asked = set(METRIC.findall(expression))
        assert asked, expression
        assert asked <= there, expression


def test_every_label_is_one_of_its_metric(labels: Mapping[str, set[str]]) -> None:
    for expression in EXPRESSIONS:
        for metric, matchers in SELECTOR.findall(expression):
            asked = {label for label, _, _ in MATCHER.findall(matchers)}
            assert not labels[metric] or asked <= labels[metric], expression
        grouped = {label.strip() for group in GROUPING.findall(expression) for label in group.split(",")}
        there = set().union(*(labels[metric] for metric in METRIC.findall(expression)))
        # No row of a bulk registration is in this journey.
        assert grouped <= there or "wizard_bulk_rows_total" in expression, expression


def test_every_word_asked_for_is_one_that_can_come() -> None:
    for expression in EXPRESSIONS:
        for _, matchers in SELECTOR.findall(expression):
            for label, _, value in MATCHER.findall(matchers):
                words = {value} if label == "status" else set(value.split("|"))
                assert words <= KNOWN[label], expression


def test_counts_are_asked_for_by_their_rise_and_added_up_levels_are_not() -> None:
    for expression in EXPRESSIONS:
        for metric in set(METRIC.findall(expression)) - ITS_OWN:
            is_count = metric.endswith(("_total", "_bucket", "_count", "_sum"))
            place = expression.index(metric)
            around = expression[:place]
            rising = re.search(r"(?:rate|increase)\($", around) is not None
            assert is_count == rising or around.endswith("delta("), expression
            # All machines tell the same level.
            assert is_count or re.search(r"(?:max|min)(?: by \([a-z, ]+\) )? ?\((?:delta\()?$", around), expression


def test_panels_have_a_place_and_an_id_of_their_own() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert grid["x"] + grid["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "action"}
        assert all(text.strip() for text in rule["annotations"].values())
