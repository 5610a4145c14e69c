"""B: the wizard as one writes it with Flask-Session and Flask-WTF. GET draws the form, POST checks and keeps."""

from __future__ import annotations

import os

from flask import Flask, redirect, render_template, session, url_for
from flask_session import Session
from flask_wtf import FlaskForm
from jinja2 import DictLoader
from redis import Redis
from werkzeug import Response
from wtforms import BooleanField, EmailField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import AnyOf, Email, InputRequired, Length, Optional, Regexp

from bench.peers import questions

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ step }}</title></head><body>
<h1>{{ step }}</h1><form method="post" novalidate>{{ form.hidden_tag() }}
{% for field in form if field.widget.input_type != "hidden" %}
<div>{{ field.label }} {{ field() }}{% for error in field.errors %}<p>{{ error }}</p>{% endfor %}</div>
{% endfor %}<button>Continue</button></form></body></html>"""
DONE = """<!doctype html><html lang="en"><title>Done</title><h1>Done</h1><dl>
{% for step, answers in given.items() %}{% for name, answer in answers.items() %}
<dt>{{ name }}</dt><dd>{{ answer }}</dd>{% endfor %}{% endfor %}</dl></html>"""


class Identity(FlaskForm):
    user_business_id = StringField("Member number", [InputRequired(), Regexp(r"[A-Za-z0-9_-]{1,20}$")])
    email = EmailField("E-mail address", [Optional(), Email()])


class Education(FlaskForm):
    degree_type = SelectField("Degree", choices=questions.DEGREES)
    university = SelectField("University", choices=questions.UNIVERSITIES)
    other_details = StringField("Name of your school", [Length(max=100)])
    country = SelectField("Country", choices=questions.countries())
    graduation_year = SelectField("Graduation year", choices=questions.years())


class Coto(FlaskForm):
    coto_status = RadioField("Standing with the College", choices=questions.STANDINGS)
    coto_registration = StringField("COTO number", [Optional(), Regexp(r"[A-Za-z0-9]{1,8}$")])


class Privacy(FlaskForm):
    access_modifier = RadioField("Who may read your record", choices=questions.READERS)
    notes = TextAreaField("Notes", [Length(max=1000)])


class Confirm(FlaskForm):
    declaration = BooleanField("My answers are true", [InputRequired(), AnyOf([True])])


FORMS = {"identity": Identity, "education": Education, "coto": Coto, "privacy": Privacy, "confirm": Confirm}
STEPS = [*FORMS, "done"]

app = Flask(__name__)
app.config.update(
    SECRET_KEY="not a secret",  # noqa: S106 - nothing but a benchmark
    SESSION_TYPE="redis",
    SESSION_REDIS=Redis.from_url(os.environ["BENCH_REDIS_URL"]),
)
Session(app)
app.jinja_loader = DictLoader({"step.html": PAGE, "done.html": DONE})


@app.route("/<any(identity, education, coto, privacy, confirm):step>", methods=["GET", "POST"])
def show(step: str) -> str | Response:
    form = FORMS[step](data=session.get(step))  # type: ignore[no-untyped-call]
    if form.validate_on_submit():
        session[step] = {name: value for name, value in form.data.items() if name != "csrf_token"}
        following = STEPS[STEPS.index(step) + 1]
        return redirect(url_for("done") if following == "done" else url_for("show", step=following))
    return render_template("step.html", step=step, form=form)


@app.get("/done")
def done() -> str:
    given = {step: session.pop(step, {}) for step in FORMS}
    return render_template("done.html", given=given)
