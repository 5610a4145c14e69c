"""Hypothesis as the domain's tests use it: no deadline, a busy machine is not a failure."""

from hypothesis import settings

settings.register_profile("wizard", deadline=None)
settings.load_profile("wizard")
