"""For servers other than `wizard serve`, and for `flask --app wsgi`."""

from wizard import cli, create_app

app = create_app()
cli.init_app(app)
