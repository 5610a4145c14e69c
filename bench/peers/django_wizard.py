"""C: the wizard as one writes it with django-formtools, sessions in Django's cache on Redis."""

from __future__ import annotations

import os
from typing import Any

import django
from django import forms
from django.conf import settings

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ wizard.steps.current }}</title></head>
<body><h1>{{ wizard.steps.current }}</h1><form method="post" novalidate>{% csrf_token %}{{ wizard.management_form }}
{{ wizard.form.as_p }}<button>Continue</button></form></body></html>"""
DONE = """<!doctype html><html lang="en"><title>Done</title><h1>Done</h1><dl>
{% for name, answer in given.items %}<dt>{{ name }}</dt><dd>{{ answer }}</dd>{% endfor %}</dl></html>"""
LOADERS = [
    (
        "django.template.loaders.cached.Loader",
        [("django.template.loaders.locmem.Loader", {"step.html": PAGE, "done.html": DONE})],
    )
]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="not a secret",  # noqa: S106 - nothing but a benchmark
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions", "formtools"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["BENCH_REDIS_URL"],
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": LOADERS,
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ],
    USE_TZ=True,
)
django.setup()

# They want the settings.
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402
from formtools.wizard.views import NamedUrlSessionWizardView  # noqa: E402

from bench.peers import questions  # noqa: E402


class Identity(forms.Form):
    user_business_id = forms.RegexField(r"^[A-Za-z0-9_-]{1,20}$", label="Member number")
    email = forms.EmailField(label="E-mail address", required=False)


class Education(forms.Form):
    degree_type = forms.ChoiceField(choices=questions.DEGREES)
    university = forms.ChoiceField(choices=questions.UNIVERSITIES)
    other_details = forms.CharField(label="Name of your school", required=False, max_length=100)
    country = forms.ChoiceField(choices=questions.countries())
    graduation_year = forms.ChoiceField(choices=questions.years())


class Coto(forms.Form):
    coto_status = forms.ChoiceField(choices=questions.STANDINGS, widget=forms.RadioSelect)
    coto_registration = forms.RegexField(r"^[A-Za-z0-9]{1,8}$", required=False)


class Privacy(forms.Form):
    access_modifier = forms.ChoiceField(choices=questions.READERS, widget=forms.RadioSelect)
    notes = forms.CharField(required=False, max_length=1000, widget=forms.Textarea)


class Confirm(forms.Form):
    declaration = forms.BooleanField(label="My answers are true")


class Wizard(NamedUrlSessionWizardView):
    form_list = (
        ("identity", Identity),
        ("education", Education),
        ("coto", Coto),
        ("privacy", Privacy),
        ("confirm", Confirm),
    )
    template_name = "step.html"

    def done(self, _form_list: Any, **_others: Any) -> HttpResponse:  # noqa: ANN401 - formtools' own
        return render(self.request, "done.html", {"given": self.get_all_cleaned_data()})


urlpatterns = [path("<slug:step>", Wizard.as_view(url_name="step", done_step_name="done"), name="step")]
app = get_wsgi_application()
