"""The floor: a bare Flask app that answers a page of 2 KB from a template, without any session."""

from __future__ import annotations

from flask import Flask, render_template_string

PAGE = "<!doctype html><html lang=en><title>{{ title }}</title><main>{{ text }}</main></html>"
TEXT = "An occupational therapist. " * 75

app = Flask(__name__)


@app.get("/")
def page() -> str:
    return render_template_string(PAGE, title="Floor", text=TEXT)
