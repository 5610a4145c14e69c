"""Where a Cluster's client sends a script: to the node of the keys that it names."""

from __future__ import annotations

from typing import Any

from redis import RedisCluster
from redis._parsers import CommandsParser

# EVAL, the script, how many keys, the keys, the arguments.
_COUNT, _FIRST = 2, 3


class ScriptKeys(CommandsParser):
    """Reads the keys of a script from the command itself.

    The library asks its default node for those of every script in a pipeline (`COMMAND GETKEYS`): a round trip each,
    and once that node has died an error each, for ever, for only what fails later makes it look for another one.
    """

    def get_keys(self, redis_conn: Any, *args: Any) -> Any:  # noqa: ANN401 - the library's
        if args[0] == "EVAL":
            return list(args[_FIRST : _FIRST + int(args[_COUNT])])
        return super().get_keys(redis_conn, *args)  # type: ignore[no-untyped-call]


def know_scripts(client: RedisCluster) -> None:
    """Have a client, and the pipelines it makes, find scripts' keys without asking."""
    client.commands_parser = ScriptKeys(client)  # type: ignore[no-untyped-call]
