"""A connection to a Valkey or Redis server, through whichever of their two clients is installed.

The clients are the same but for their names. Each of their connections sends a command once: the pools and retries that
stand above it in the client would send it again if an answer is lost, and then it might be carried out twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib import import_module
from typing import Any, Final

from ticketlab.core.errors import TicketlabError, UsageError

ServerCommand = Sequence[str | int]

_SCHEMES: Final = ("valkey", "redis")
"""The first part of an address, which each client has named after itself."""


class ServerScript:
    """A script that the server runs, during which it does nothing else."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.digest = sha1(body.encode(), usedforsecurity=False).hexdigest()


class ValkeyConnection:
    """One connection; a call returns when the server has answered."""

    def __init__(self, address: str, shown: str) -> None:
        """Connect; `shown` is what people call the address.

        Raises:
            UsageError: there is no client, or the address is none.
            TicketlabError: the server cannot be reached, or refuses this client.
        """
        self._driver = driver()
        errors = self._driver.exceptions
        own, other = _SCHEMES if self._driver.__name__ == _SCHEMES[0] else _SCHEMES[::-1]
        if address.startswith((f"{other}://", f"{other}s://")):
            address = own + address.removeprefix(other)
        try:
            pool = self._driver.ConnectionPool.from_url(address, decode_responses=True)
            self._raw: Any = pool.make_connection()
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"url of valkey is {shown!r}, and not valkey://user@host:6379/0 or unix:///path?db=0"
            ) from error
        self._pool = pool  # which would close its connections when it is forgotten
        try:
            self._raw.connect()
        except (errors.ConnectionError, errors.TimeoutError, errors.ResponseError) as error:
            raise TicketlabError(f"cannot connect to Valkey ({shown}): {error}") from error

    def __call__(self, *command: str | int) -> Any:
        """Send a command, and return the server's answer."""
        self._raw.send_command(*command)
        return self._raw.read_response()

    @property
    def refusals(self) -> type[Exception]:
        """What is raised if the server refuses a command."""
        refusals: type[Exception] = self._driver.exceptions.ResponseError
        return refusals

    def together(self, *commands: ServerCommand) -> list[Any]:
        """Send commands in one message, and return the answers; others' commands may come in between."""
        self._raw.send_packed_command(self._raw.pack_commands(commands))
        answers = [self._answer() for _ in commands]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def _answer(self) -> Any:
        try:
            return self._raw.read_response()
        except self._driver.exceptions.ResponseError as error:
            return error

    def transaction(self, *commands: ServerCommand) -> list[Any] | None:
        """Send commands between MULTI and EXEC; return the answers, or None if a watched key has changed."""
        answers: list[Any] | None = self.together(("MULTI",), *commands, ("EXEC",))[-1]
        for answer in answers or ():
            if isinstance(answer, Exception):
                raise answer
        return answers

    def script(self, script: ServerScript, keys: Sequence[str], *values: str | int) -> Any:
        """Have the server run a script on some keys, and return its answer."""
        try:
            return self("EVALSHA", script.digest, len(keys), *keys, *values)
        except self._driver.exceptions.NoScriptError:  # it is new to this server
            return self("EVAL", script.body, len(keys), *keys, *values)

    def close(self) -> None:
        """Disconnect."""
        self._raw.disconnect()


def driver() -> Any:
    """Return the client's package; raises UsageError if there is none."""
    for name in _SCHEMES:
        try:
            return import_module(name)
        except ImportError:
            pass
    raise UsageError("valkey needs its driver: pip install 'ticketlab[valkey]'")


def connection_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that say that the server is not there, or has gone."""
    errors = driver().exceptions
    return errors.ConnectionError, errors.TimeoutError
