"""What the page of the metrics says."""

from __future__ import annotations

from collections.abc import Mapping

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[str, float]


def samples_of(text: str) -> dict[str, float]:
    """Each sample by its name and labels, as `name{label="value"}`, labels in order."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def families_of(text: str) -> set[str]:
    """The names under which Prometheus knows what is on the page, buckets, sums and counts included."""
    names = set()
    for family in text_string_to_metric_families(text):
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {f"{family.name}{ending}" for ending in endings}
    return names


def scraped(client: FlaskClient) -> dict[str, float]:
    """The samples that this machine is shown."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return samples_of(answer.text)


def risen(before: Samples, after: Samples) -> dict[str, float]:
    """By how much what has risen has."""
    rises = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {name: by for name, by in rises.items() if by > 0}
