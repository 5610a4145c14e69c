"""What the board, the list of registrations and the statistics call things."""

from __future__ import annotations

from datetime import timedelta

from flask_babel.speaklater import LazyString

from wizard.core.steps import Step
from wizard.core.trouble import LINKING_CHECKS, STOPPING, Trouble
from wizard.web.rule_wording import SUBJECTS
from wizard.web.texts import lazy_gettext as _

STEPS: dict[Step, LazyString] = {
    Step.IDENTITY: _("Member number"),
    Step.EDUCATION: _("Education"),
    Step.COTO: _("College (COTO)"),
    Step.PRIVACY: _("Privacy"),
    Step.REVIEW: _("Check"),
    Step.CATEGORY: _("Category"),
    Step.ACCOUNT: _("Account"),
    Step.CONFIRM: _("Submit"),
    Step.COMPLETE: _("Completed"),
}
# Where an open registration can stand; seeing the category and choosing the account are one in what is stored.
STANDING = tuple(step for step in STEPS if step not in {Step.ACCOUNT, Step.COMPLETE})
TROUBLES: dict[Trouble, LazyString] = {
    Trouble.REPEATED: _("The same rule failed twice"),
    Trouble.CONFLICT: _("In conflict with an account or a record"),
    Trouble.CREATION: _("Submitting failed"),
}
EXPIRING = _("About to expire")
STUCK = _("Stuck")
ANY_TROUBLE = _("For any reason")
NARROWED: dict[str, LazyString] = {
    "stuck": STUCK,
    "step": _("Step"),
    "channel": _("Channel"),
    "age": _("Unchanged for"),
    "rule": _("Stopped by"),
}
AGES: dict[str, tuple[timedelta, LazyString]] = {
    "1h": (timedelta(hours=1), _("An hour or longer")),
    "1d": (timedelta(days=1), _("A day or longer")),
    "3d": (timedelta(days=3), _("Three days or longer")),
    "7d": (timedelta(days=7), _("A week or longer")),
}
_LINKING: dict[str, LazyString] = dict(
    zip(
        LINKING_CHECKS,
        (
            _("An account is named"),
            _("The account can be used"),
            _("The account is proved"),
            _("The account has the same member number"),
        ),
        strict=True,
    )
)
RULES: dict[str, LazyString] = {rule: _LINKING.get(rule) or SUBJECTS[rule] for rule in STOPPING}
