"""A, the floor: a bare Flask app that answers a page of 2 KB from a template, without any session."""

from __future__ import annotations

from flask import Flask, render_template
from jinja2 import DictLoader

PAGE = "<!doctype html><html lang=en><title>{{ title }}</title><main>{{ text }}</main></html>"
TEXT = "An occupational therapist. " * 75

app = Flask(__name__)
app.jinja_loader = DictLoader({"page.html": PAGE})


@app.get("/")
def page() -> str:
    return render_template("page.html", title="Floor", text=TEXT)
