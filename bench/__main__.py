"""Prints tables, and writes JSON and charts to build/bench/. Load and server share the machine: go by the ratios."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bench import bulk, crowd, guesses, hosts, lists, report, requests, rounds, shares

PARTS = ("requests", "crowd", "lists", "bulk", "hosts", "shares", "guesses")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench BENCH_ARGS=…", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be given again")
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS, help="how often everything is measured in turn")
    parser.add_argument("--journeys", type=int, default=100, help="how many of each app in each round")
    parser.add_argument("--open", type=int, action="append", help="among so many registrations; may be given again")
    parser.add_argument("--registrations", type=int, default=lists.MANY, help="how many the long list has")
    parser.add_argument("--rows", type=int, default=bulk.ROWS, help="how many the file has")
    arguments = parser.parse_args()
    wanted = arguments.only or PARTS
    parts: dict[str, Any] = {}
    rows: list[rounds.Row] = []
    good = True
    if "requests" in wanted:
        result = requests.run(size=arguments.journeys, rounds=arguments.rounds)
        report.show(result)
        parts["requests"], rows = result, result.rows
    if "crowd" in wanted:
        among, each = crowd.run(arguments.open or crowd.NUMBERS, size=arguments.journeys, rounds=arguments.rounds)
        parts["crowd"], parts["bytes"] = among, each
        good = crowd.show(among, each) and good
    if "lists" in wanted:
        parts["lists"], even = lists.run(many=arguments.registrations)
        lists.show(parts["lists"])
        good = good and even
    if "bulk" in wanted:
        parts["bulk"], quick = bulk.run(rows=arguments.rows)
        bulk.show(parts["bulk"])
        good = good and quick
    if "hosts" in wanted:
        parts["hosts"] = hosts.run()
        hosts.show(parts["hosts"])
    if "shares" in wanted:
        parts["shares"] = shares.run(size=arguments.journeys)
        shares.show(parts["shares"])
    if "guesses" in wanted:
        parts["guesses"] = guesses.run(size=arguments.journeys)
        guesses.show(parts["guesses"])
    report.write(parts, rows)
    if not good:
        sys.exit("Something took longer than it may.")


if __name__ == "__main__":
    main()
