"""Measures what a step of the wizard costs, against a bare Flask page on the same machine: `make bench`."""
