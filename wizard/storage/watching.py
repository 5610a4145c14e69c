"""What Redis and the database are asked is told to whoever watches: by command, never with a key or a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisClusterException, RedisError
from redis.exceptions import TimeoutError as Silent
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from wizard.services.ports.watching import REFUSED, UNREACHABLE, UNWATCHED, Doing, Watch, Work

_PIPELINE = "PIPELINE"
_VERBS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_OTHER = "OTHER"
_WATCHING = "wizard_watching"


class _Watched:
    """Over a client of any kind."""

    seen_by = UNWATCHED

    def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - the library's
        """One command."""
        with _redis(self.seen_by, str(args[0]).partition(" ")[0].upper()):
            return super().execute_command(*args, **options)  # type: ignore[misc]

    def pipeline(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Several commands, told of as one round trip."""
        commands = super().pipeline(*args, **options)  # type: ignore[misc]
        commands.execute = self._told(commands.execute)
        return commands

    def _told(self, execute: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def executed(*args: Any, **options: Any) -> list[Any]:  # noqa: ANN401
            with _redis(self.seen_by, _PIPELINE):
                return execute(*args, **options)

        return executed


class WatchedRedis(_Watched, Redis):
    """One server, or the one that Sentinel names."""


class WatchedCluster(_Watched, RedisCluster):
    """A Cluster; a pipeline is told of once, however many nodes it goes to."""


@contextmanager
def _redis(watch: Watch, command: str) -> Iterator[None]:
    with watch.during(Work.REDIS, command) as doing:
        try:
            yield
        except (Unreachable, Silent, RedisClusterException, OSError):
            doing.outcome = UNREACHABLE
            raise
        except RedisError:
            doing.outcome = REFUSED
            raise


def watch_statements(engine: Engine, watch: Watch, is_unreachable: Callable[[BaseException], bool]) -> None:
    """Tell of every statement that an engine sends."""

    def begins(_to: object, _cursor: object, statement: str, _values: object, context: object, _many: object) -> None:
        watching = watch.during(Work.DATABASE, _verb(statement), statement)
        setattr(context, _WATCHING, (watching, watching.__enter__()))

    def ends(_to: object, _cursor: object, _statement: str, _values: object, context: object, _many: object) -> None:
        watching, _doing = _begun(context)
        watching.__exit__(None, None, None)

    def fails(failure: ExceptionContext) -> None:
        # What fails before there is a statement, as a connection that cannot be made, has nothing that began.
        if not hasattr(failure.execution_context, _WATCHING):
            return
        error, (watching, doing) = failure.original_exception, _begun(failure.execution_context)
        doing.outcome = UNREACHABLE if is_unreachable(error) else REFUSED
        watching.__exit__(type(error), error, error.__traceback__)

    event.listen(engine, "before_cursor_execute", begins)
    event.listen(engine, "after_cursor_execute", ends)
    event.listen(engine, "handle_error", fails)


def _begun(context: object) -> tuple[AbstractContextManager[Doing], Doing]:
    begun: tuple[AbstractContextManager[Doing], Doing] = vars(context).pop(_WATCHING)
    return begun


def _verb(statement: str) -> str:
    verb = statement.lstrip()[:6].upper()
    return verb if verb in _VERBS else _OTHER
