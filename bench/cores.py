"""Which process runs where, and what it has used: the server alone on one core, all else on another."""

from __future__ import annotations

import os
from pathlib import Path

_KIB = 1024


def cores() -> tuple[int, int]:
    """The server's core and everybody else's; the same one where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def stay_on(core: int, *, process: int = 0) -> None:
    os.sched_setaffinity(process, {core})


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def cpu_seconds(process: int) -> float:
    """What a process has used of its core, all threads together, to the nanosecond."""
    tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def family_cpu_seconds(process: int) -> float:
    """What a process and its children have used, those that have ended included."""
    of_all = [_ticks(process, ended_children=True), *(_ticks(child) for child in children_of(process))]
    return sum(of_all) / os.sysconf("SC_CLK_TCK")


def _ticks(process: int, *, ended_children: bool = False) -> int:
    # After the name, which may have spaces: user, system, and the same of children that have ended.
    used = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(int(each) for each in used[: 4 if ended_children else 2])


def memory_mb(process: int) -> float:
    """What a process holds in memory now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _KIB / _KIB
