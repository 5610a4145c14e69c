"""The command `wizard`; with Flask's own command each is there too (`flask --app wsgi …`)."""

from __future__ import annotations

import click
from flask import Flask

from wizard.commands import base, bulk, categories, demo, desk, events, keys, people, records, running, tokens


@click.group(cls=base.Group)
@click.version_option(package_name="ot-education-wizard")
def main() -> None:
    """The education registration of occupational therapists: run it and look after it.

    Settings come from the environment (WIZARD_…). Every command has --help.
    """


for _command in (
    running.start,
    running.serve,
    running.worker,
    running.migrate,
    demo.demo,
    people.accounts,
    people.staff,
    tokens.tokens,
    desk.membership_year,
    categories.categories,
    bulk.bulk,
    desk.sessions,
    records.records,
    desk.audit,
    events.events,
    keys.keys,
    running.check,
):
    main.add_command(_command)


def init_app(app: Flask) -> None:
    """Give Flask's own command the same commands."""
    for command in main.commands.values():
        app.cli.add_command(command)


if __name__ == "__main__":
    main()
