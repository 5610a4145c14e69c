"""What is wrong with a sign-in, in sentences by message id."""

from __future__ import annotations

from flask_babel.speaklater import LazyString

from wizard.web.texts import lazy_gettext as _

SIGN_IN: dict[str, LazyString] = {
    "sign_in": _("Sign in first."),
    "sign_in.wrong": _("The user name or the password is not right. Try again."),
    "sign_in.code": _("This code is not right, or was used already. Enter the next one that the app shows."),
    "sign_in.recovery_code": _("This recovery code is not right, or was used already. Check it, or enter another."),
    "oidc.unavailable": _(
        "Your association’s sign-in service cannot be reached at the moment. Try again in a few seconds."
    ),
    "oidc.cancelled": _("You went back without signing in to your association’s account. Nothing has changed."),
    "oidc.over": _("This sign-in took too long, or was finished before. Begin again."),
    "oidc.refused": _(
        "Your association’s sign-in service did not let you in. Try again; if it happens again, tell whoever looks "
        "after this site."
    ),
    "oidc.untrusted": _(
        "What your association’s sign-in service answered cannot be trusted. Try again; if it happens again, tell "
        "whoever looks after this site."
    ),
    "oidc.no_privilege": _(
        "Your association’s account is known, but it is not one of the registration desk. Ask whoever looks after "
        "these accounts to add it, or use another account."
    ),
    "oidc.disabled": _("This account is no longer one of the registration desk. Use another account."),
    "oidc.second_factor": _(
        "The desk takes a second factor. Set one up for your association’s account, then sign in with it."
    ),
    "oidc.still_signed_in": _(
        "Here you are signed out. Your association’s sign-in service cannot be reached: sign out there later, or close "
        "the browser."
    ),
    "staff.identity_taken": _("Somebody else of the desk signs in with this account."),
    "second_factor.set_up": _("This is not the code that the app shows now for this key. Try the next one."),
    "second_factor.required": _("An authenticator app is required. Set up another instead."),
    "second_factor.none": _("No authenticator app is set up."),
    "password.wrong": _("This is not your password. Try again."),
    "password.length": _("Choose a longer password, of at least %(least)s characters."),
}
