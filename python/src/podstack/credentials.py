"""Sources of tokens that are kept elsewhere, such as in a vault or an agent.

A provider is passed as `Client(credentials=…)`. It is a function that returns the current token, or an object with a
method `credential`:

>>> from podstack import Client
>>> client = Client(credentials=lambda: "a token from a vault")

A client asks for a token before its first request, shortly before the credential expires, and after a 401. It asks once
at a time, however many calls wait for the token. An error is raised by the waiting calls, and the next call asks again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Awaitable, Callable, Protocol, Union

from ._model import as_text, complete
from .token import APIToken

__all__ = [
    "AsyncCredentialProvider",
    "Credential",
    "CredentialProvider",
    "environment",
    "file",
    "process",
    "static",
]


class Credential:
    """A token and its expiry.

    Args:
        token: The token.
        expires_at: The time when the token expires; None when it is unknown or never.
    """

    __slots__ = ("expires_at", "token")

    token: APIToken
    """The token."""
    expires_at: datetime | None
    """The time when the token expires; None when it is unknown or never."""

    def __init__(self, token: APIToken | str, expires_at: datetime | None = None) -> None:
        self.token = token = token if isinstance(token, APIToken) else APIToken(token)
        self.expires_at = expires_at

    @complete
    def __repr__(self) -> str:
        return f"Credential({self.token!r}, expires_at={self.expires_at!r})"


class CredentialProvider(Protocol):
    """A source of tokens for a `Client`."""

    def credential(self, instead_of: APIToken | None) -> Credential | APIToken | str:
        """Returns the current token.

        Args:
            instead_of: The token that the service has just rejected; None when there was none. Returning the same token
                again means that there is no other.
        """


class AsyncCredentialProvider(Protocol):
    """A source of tokens for an `AsyncClient`."""

    async def credential(self, instead_of: APIToken | None) -> Credential | APIToken | str:
        """Returns the current token.

        Args:
            instead_of: The token that the service has just rejected; None when there was none. Returning the same token
                again means that there is no other.
        """


class BuiltInCredentials:
    """A provider that the SDK implements; create one with the functions of this module."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __repr__(self) -> str:
        return f"<podstack.credentials.{self._fields['kind']}>"


_Result = Union[Credential, APIToken, str]
SyncCredentials = Union[CredentialProvider, BuiltInCredentials, Callable[[], _Result]]
AsyncCredentials = Union[
    CredentialProvider, AsyncCredentialProvider, BuiltInCredentials, Callable[[], Union[_Result, Awaitable[_Result]]]
]


def static(token: APIToken | str) -> BuiltInCredentials:
    """Returns a provider of one token.

    Args:
        token: The token.
    """
    secret = token.reveal() if isinstance(token, APIToken) else token
    return BuiltInCredentials({"kind": "static", "token": secret})


def environment() -> BuiltInCredentials:
    """Returns a provider of the token in `PODSTACK_API_TOKEN`, or in the file that `PODSTACK_API_TOKEN_FILE` names.

    The variables are read again each time a token is needed.
    """
    return BuiltInCredentials({"kind": "environment"})


def file(path: str | None = None, *, profile: str = "default") -> BuiltInCredentials:
    """Returns a provider of the token in a profile of a credentials file.

    The file is read again each time a token is needed.

    Args:
        path: The path of the file; None for `~/.podstack/credentials`.
        profile: The name of the profile.
    """
    return BuiltInCredentials({"kind": "file", "path": path, "profile": profile})


def process(command: str) -> BuiltInCredentials:
    """Returns a provider that runs a command each time a token is needed.

    Args:
        command: A program and its arguments, split at whitespace without a shell; quotes keep words together. It prints
            `{"version": 1, "api_token": "…", "expires_at": "…"}`.
    """
    return BuiltInCredentials({"kind": "process", "command": command})


def _answer(found: object) -> dict[str, Any]:
    """Returns what a provider returned as the answer to the SDK."""
    if isinstance(found, str):
        return {"token": found}
    if isinstance(found, APIToken):
        return {"token": found.reveal()}
    if isinstance(found, Credential):
        return {"token": found.token.reveal(), "expires_at": as_text(found.expires_at)}
    raise TypeError(
        f"a credential provider must return a Credential, an APIToken or a str, and not {type(found).__name__}"
    )
