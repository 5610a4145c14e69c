"""From message ids to sentences for a terminal: those of the commands here, all others as the pages have them."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.core.errors import Problem
from wizard.web import row_wording, wording

_SENTENCES: Mapping[str, str] = {
    "csv.columns": "The file has no column named: %(missing)s. Its first row has to name the columns.",
    "csv.row": "the row cannot be read: a quotation mark is not closed, or there are more cells than columns",
    "name.format": "a name is needed, of up to 200 characters on one line",
    "name.required": "A name is needed.",
    "bulk.file": "The file is neither CSV nor XLSX.",
    "bulk.size": "The file has more than %(most)s MB.",
    "bulk.empty": "The file has no rows below the names of the columns.",
    "bulk.rows": "The file has more than %(most)s rows. Load it in parts.",
    "bulk.columns": "The file has no column %(column)s. Its first row has to name the columns.",
    "bulk.column_twice": "The file has two columns %(column)s.",
    "bulk.repeated": "row %(row)s has the same number",
    "bulk.failed": "something unforeseen; the log says what",
    "erasure.reason": "Say why: --reason cannot be empty.",
    "bulk.unreadable": "the row can no longer be decrypted",
    "email.format": "not an e-mail address in full, such as name@example.com",
    "language.choice": "the language is en or fr",
    "status.choice": "the status is active, inactive or pending",
    "user_business_id.format": "a member number is 1 to 20 letters, digits, hyphens or underscores",
    "account.number_taken": "another account has this member number",
    "username.format": "A user name is up to 50 small letters, digits, dots, hyphens or underscores.",
    "staff.username_taken": "There is somebody with this user name already.",
    "password.length": "A password has at least %(least)s characters.",
    "privilege.choice": "The privilege is admin or main.",
    "staff.unknown": "There is nobody with this user name.",
    "staff.no_identity": "They have never signed in with the OpenID provider.",
    "token.name": "A name of a token is up to 50 small letters, digits, dots, hyphens or underscores.",
    "token.name_taken": "There is, or was, a token with this name. Each name is given once.",
    "token.expiry": "A token cannot expire before it is made.",
    "token.account": "An owner's token is for one account: name its member number with --account. No other has one.",
    "token.unknown": "There is no token with this name.",
    "account.unknown": "There is no account with this member number.",
    "second_factor.none": "They have no authenticator app set up.",
    "redis.unavailable": "Redis cannot be reached.",
    "database.unavailable": "The database cannot be reached.",
    "keys.unavailable": "What is encrypted in the database cannot be opened: its key is not among WIZARD_SECRET_KEYS "
    "(“wizard check” says how much that is).",
}


def sentence(message: str, params: Mapping[str, str] | None = None) -> str:
    """The sentence for a message id; the id itself where nobody has worded it."""
    if message in _SENTENCES:
        return _SENTENCES[message] % (params or {})
    try:
        return wording.sentence(message, params)
    except KeyError:
        return message


def of_row(found: Problem) -> str:
    """What is wrong with a row of a bulk registration."""
    if found.message in row_wording.PROBLEMS:
        return row_wording.problem(found)
    return sentence(found.message, found.params)
