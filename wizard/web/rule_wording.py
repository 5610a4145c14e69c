"""What every rule says to people: when it fails, when it warns, and what it is about."""

from __future__ import annotations

from flask_babel.speaklater import LazyString

from wizard.web.texts import lazy_gettext as _

FAILED: dict[str, LazyString] = {
    "user_business_id.required": _("Enter your member number, for example osot-0000001."),
    "user_business_id.format": _(
        "A member number has 1 to 20 letters, digits, hyphens or underscores. Check yours, for example osot-0000001."
    ),
    "user_business_id.unique": _(
        "Another education record has this member number already. Check the number; "
        "if it is yours, write to the registration desk, who can see both."
    ),
    "degree_type.required": _("Choose the degree or credential that you earned or will earn."),
    "degree_type.choice": _("Choose the degree or credential from the list."),
    "university.required": _("Choose where you studied, or “Another school” if it is not listed."),
    "university.choice": _(
        "This school is not on the list. Choose where you studied from the list, "
        "or choose “Another school” and then enter its name."
    ),
    "other_details.required": _(
        "Enter the name of your school in full, for example Dalhousie University. We ask because it is not on the list."
    ),
    "other_details.format": _("The name of your school can have up to 100 characters, on one line. Shorten it."),
    "country.required": _("Choose the country where you studied, for example Canada."),
    "country.choice": _("This country is not on the list. Choose the country where you studied, for example Canada."),
    "university_country.alignment": _(
        "%(university)s is in Ontario, so the country cannot be %(country)s. "
        "Choose Canada, or choose “Another school” above."
    ),
    "graduation_year.required": _("Choose the year in which you graduated or will graduate."),
    "graduation_year.choice": _("Choose your graduation year from the list."),
    "graduation_year.range": _(
        "%(graduation_year)s is not a year that can be registered today. Choose one from the list: up to %(latest)s, "
        "and years before 1980 by their decade."
    ),
    "coto_status.required": _(
        "Choose your standing with the College (COTO). “Which is mine?” above the question helps you to find it."
    ),
    "coto_status.choice": _("Choose your standing with the College (COTO) from the list."),
    "coto_registration.required": _(
        "Enter your COTO registration number, because your standing is “%(coto_status)s”. "
        "It is on your certificate and in the College’s public register."
    ),
    "coto_registration.format": _(
        "A COTO registration number has 1 to 8 letters and digits, without spaces, for example G2601234."
    ),
    "coto_registration.not_allowed": _(
        "There is no COTO registration number with “%(coto_status)s”. "
        "Leave the field empty, or choose your certificate."
    ),
    "coto_registration.unique": _(
        "Another education record has this COTO registration number already. Check the number; "
        "if it is yours, the other may be mistyped: your answers are kept, and the registration desk will look at both."
    ),
    "access_modifier.required": _("Choose who may read your education record; “Private” if you are not sure."),
    "access_modifier.choice": _("Choose who may read your education record from the list."),
    "notes.format": _("Notes can have up to 1,000 characters of plain text. Shorten them."),
    "account.one_record": _(
        "Your account has an education record already. Your answers here are kept: "
        "write to the registration desk, who can compare the two."
    ),
}
WARNINGS: dict[str, LazyString] = {
    "graduation_year.future": _("You have not graduated yet, so you will be registered as someone still studying."),
    "verification.international_education": _(
        "You studied in %(country)s. The registration desk verifies education from outside Canada; "
        "there is nothing for you to do now."
    ),
    "verification.unlisted_university": _(
        "Your school is not on the list, so the registration desk verifies it; there is nothing for you to do now."
    ),
    "verification.university_not_given": _(
        "You named no university in Canada, so the registration desk may ask you about it; "
        "there is nothing for you to do now."
    ),
    "verification.discount": _(
        "The registration desk verifies each record with a reduced fee; there is nothing for you to do now."
    ),
    "coto_status.student_after_graduation": _(
        "You are a student with the College but graduated in %(graduation_year)s. "
        "If both are right, continue; the registration desk will look at it."
    ),
    "coto_status.registered_before_graduation": _(
        "Your standing with the College is “%(coto_status)s”, but you graduate in %(graduation_year)s. "
        "If both are right, continue; the registration desk will look at it."
    ),
}
# Why the desk verifies a record, in a few words.
REASONS: dict[str, LazyString] = {
    "verification.international_education": _("Studied outside Canada"),
    "verification.unlisted_university": _("School not on the list"),
    "verification.university_not_given": _("No university in Canada named"),
    "verification.discount": _("Reduced fee"),
    "coto_status.student_after_graduation": _("Student with the College after graduation"),
    "coto_status.registered_before_graduation": _("Certificate of the College before graduation"),
    "graduation_year.future": _("Graduates after this year"),
}
# What each rule is about, for the list of checks.
SUBJECTS: dict[str, LazyString] = {
    "user_business_id.required": _("A member number is given"),
    "user_business_id.format": _("The member number looks like one"),
    "user_business_id.unique": _("No other record has the member number"),
    "degree_type.required": _("A degree is given"),
    "degree_type.choice": _("The degree is on the list"),
    "university.required": _("A university is given"),
    "university.choice": _("The university is on the list"),
    "other_details.required": _("A school that is not on the list is named"),
    "other_details.format": _("The name of the school is not too long"),
    "country.required": _("A country is given"),
    "country.choice": _("The country is on the list"),
    "university_country.alignment": _("University and country fit together"),
    "graduation_year.required": _("A graduation year is given"),
    "graduation_year.choice": _("The graduation year is written as a year"),
    "graduation_year.range": _("The graduation year can be registered today"),
    "graduation_year.future": _("Graduation is not in the future"),
    "coto_status.required": _("A COTO standing is given"),
    "coto_status.choice": _("The COTO standing is on the list"),
    "coto_status.student_after_graduation": _("Student standing and graduation year fit together"),
    "coto_status.registered_before_graduation": _("COTO certificate and graduation year fit together"),
    "coto_registration.required": _("A certificate has its registration number"),
    "coto_registration.format": _("The COTO registration number looks like one"),
    "coto_registration.not_allowed": _("Only a certificate has a registration number"),
    "coto_registration.unique": _("No other record has the COTO registration number"),
    "access_modifier.required": _("A choice of privacy is made"),
    "access_modifier.choice": _("The choice of privacy is on the list"),
    "notes.format": _("The notes are not too long"),
    "account.one_record": _("The account has no education record yet"),
    "verification.international_education": _("Studied in Canada"),
    "verification.unlisted_university": _("The school is one that the desk knows"),
    "verification.university_not_given": _("A university in Canada is given"),
    "verification.discount": _("Verified by the desk because of a reduced fee"),
}
OUTCOMES: dict[str, LazyString] = {
    "passed": _("Passed"),
    "warning": _("Please note"),
    "failed": _("To correct"),
    "not_checked": _("Checked later"),
}
NOT_APPLICABLE = _("Does not apply")
