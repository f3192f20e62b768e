"""What stands in for the methods of the clients `valkey` and `redis`: each command, pipeline and script is a step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, OUT_OF_SIGHT, UNCHANGED, UNTRIED
from ticketlab.core.servers import OWN_FOLDERS
from ticketlab.core.steps import Access, Action
from ticketlab.probes.file_system.resources import DATABASE
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.standins import StandIn, alive
from ticketlab.probes.valkey.commands import (
    CommandWords,
    NonblockingForm,
    accesses,
    command_step,
    is_script,
    learn_script,
    may_be_refused,
    script_called,
    untried,
    waiting,
)
from ticketlab.probes.valkey.expiry import end_keys, keep_ends
from ticketlab.probes.waiting import TIMED_OUT, wait_for

_CLIENTS: Final = (("valkey", "Valkey"), ("redis", "Redis"))


def _standins() -> Iterator[StandIn]:
    for package, name in _CLIENTS:
        module = sys.modules.get(f"{package}.client")
        if module is None:
            continue
        client, pipeline = getattr(module, name), module.Pipeline
        for each in alive(lambda kind: kind.__name__ == "Script" and kind.__module__.startswith(("valkey", "redis"))):
            learn_script(each.script)
        for owner, method, make in (
            (client, "execute_command", _commanding),
            (pipeline, "immediate_execute_command", _commanding),
            (pipeline, "_execute_transaction", _transacting),
            (pipeline, "_execute_pipeline", _piping),
            (client, "register_script", _registering),
            (module.PubSub, "execute_command", partial(_unseen, told="subscriptions")),
            (module.PubSub, "parse_response", partial(_unseen, told="subscriptions")),
        ):
            original = getattr(owner, method)
            yield StandIn(original, probed(original, make(original)), owner, method)
        for path, method, told in (
            (f"{package}.asyncio.client.{name}", "execute_command", "an asynchronous client"),
            (f"{package}.asyncio.client.Pipeline", "execute", "an asynchronous client"),
            (f"{package}.cluster.{name}Cluster", "execute_command", "a client of a cluster"),
        ):
            where, _, kind = path.rpartition(".")
            owner = getattr(sys.modules.get(where), kind, None)
            if owner is not None:
                original = getattr(owner, method)
                yield StandIn(original, probed(original, _unseen(original, told=told)), owner, method)


def _unseen(original: Any, *, told: str) -> Any:
    def unseen(*args: Any, **options: Any) -> Any:
        pacing.note(OUT_OF_SIGHT, f"{HERE.called} uses {told} of Valkey's, which the lab does not control")
        return original(*args, **options)

    return unseen


def _server(client: Any) -> str:
    """Return how people call the server that a client uses, and its database."""
    told = client.connection_pool.connection_kwargs
    place = told.get("path") or f"{told.get('host', 'localhost')}:{told.get('port', 6379)}"
    name = "valkey" if place in OWN_FOLDERS else place
    return f"{name}:{told['db']}" if told.get("db") else name


def _ask(client: Any) -> Callable[..., Any]:
    """Return what sends commands of the lab's own; none of these is a step."""
    plain = next(each for each in type(client).__mro__ if each.__name__ in ("Valkey", "Redis"))
    return lambda *command: vars(plain)["execute_command"](_bare(client, plain), *command)


def _bare(client: Any, plain: Any) -> Any:
    """Return the client, or for a pipeline one that does not queue."""
    return client if type(client) is plain else plain(connection_pool=client.connection_pool)


def _note_untried(commands: Sequence[CommandWords]) -> None:
    for command in commands:
        if what := untried(command):
            pacing.note(UNTRIED, f"{HERE.called} uses {what}")


def _at(client: Any, commands: Sequence[CommandWords], do: Callable[[], Any], more: Sequence[Access] = ()) -> Any:
    """Make commands that the server carries out at one moment, at their step."""
    server = _server(client)
    told = [each for command in commands for each in accesses(command, server)]
    step = command_step([*told, *more])
    if step is None:
        return do()
    _note_untried(commands)
    pacing.at(step)
    ask = _ask(client)
    end_keys(ask)
    for text in filter(None, map(script_called, commands)):
        ask("SCRIPT LOAD", text)  # or the first execution alone would hear that the server does not know it
    try:
        result = do()
    except Exception as error:
        if type(error).__name__ == "WatchError" or (len(commands) == 1 and not is_script(commands[0])):
            pacing.note(UNCHANGED, type(error).__name__)
        raise
    for command in commands:
        keep_ends(ask, command)
    if len(commands) == 1 and result is None and may_be_refused(commands[0]):
        pacing.note(UNCHANGED, "nil")
    return result


def _commanding(original: Any) -> Any:
    def execute(client: Any, *command: Any, **options: Any) -> Any:
        waits = waiting(command)
        if waits is not None:
            return _waited(original, client, waits, options)
        result = _at(client, [command], lambda: original(client, *command, **options))
        name = str(command[0]).upper()
        if name == "SCRIPT LOAD":
            learn_script(command[1])
        if name == "WATCH":
            client._ticketlab_watched = [*getattr(client, "_ticketlab_watched", ()), *command[1:]]
        elif name == "UNWATCH":
            client._ticketlab_watched = []
        return result

    return execute


def _waited(original: Any, client: Any, waits: NonblockingForm, options: Any) -> Any:
    """Make a command that may wait, by tries that do not."""
    told = [each for one in waits.tries for each in accesses(one, _server(client))]
    step = command_step([*told, (Action.READ, f"{DATABASE}wait of {HERE.who}")])  # others may be served where it is not
    assert step is not None, "it takes something"
    ask = _ask(client)

    def attempt() -> Any:
        end_keys(ask)
        for one in waits.tries:
            result = original(client, *one, **options)
            if result not in (None, [], {}):
                return (_told(client, one[1]), *_listed(result)) if waits.names_key else result
        return BLOCKED

    result = wait_for(step, attempt, waits.timeout, changes=True)
    return None if result is TIMED_OUT else result


def _told(client: Any, key: Any) -> Any:
    decodes = client.connection_pool.connection_kwargs.get("decode_responses", False)
    if decodes:
        return key.decode() if isinstance(key, bytes) else key
    return key.encode() if isinstance(key, str) else key


def _listed(result: Any) -> Sequence[Any]:
    if isinstance(result, list):  # of members of a sorted set, with their scores
        return tuple(result[0]) if result and isinstance(result[0], tuple) else tuple(result)
    return (result,)


def _transacting(original: Any) -> Any:
    def execute(pipeline: Any, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        told = [args for args, _ in commands]
        watched = getattr(pipeline, "_ticketlab_watched", ())
        pipeline._ticketlab_watched = []
        more = accesses(("EXISTS", *watched), _server(pipeline)) if watched else ()
        return _at(pipeline, told, lambda: original(pipeline, connection, commands, raise_on_error), more)

    return execute


def _piping(original: Any) -> Any:
    """Return the probe of commands that are sent together: others' may come in between."""

    def execute(pipeline: Any, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        results: list[Any] = []
        for each in commands:
            results += _at(pipeline, [each[0]], partial(original, pipeline, connection, [each], False))
        if raise_on_error:
            pipeline.raise_first_error(commands, results)
        return results

    return execute


def _registering(original: Any) -> Any:
    def register(client: Any, script: Any) -> Any:
        learn_script(script)
        return original(client, script)

    return register


KIND = ProbeKind(
    name="valkey",
    summary="the clients valkey and redis by command, with keys that expire in virtual time",
    standins=lambda: list(_standins()),
)
