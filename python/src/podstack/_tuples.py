"""The tuples with names.

Their annotations are types and not texts, so that tools find the types from every module.
"""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from .models import Token
from .token import APIToken


class CreatedToken(NamedTuple):
    """A new token and its secret, which is known only now.

    It can be unpacked: `token, secret = client.tokens.create("CI")`.
    """

    token: Token
    """The token, without its secret."""
    secret: APIToken
    """The secret, to store or to pass on."""


def created(values: Dict[str, Any]) -> CreatedToken:
    """Returns what the library says about a new token."""
    return CreatedToken(Token._from(values["token"]), APIToken(values["secret"]))


class TransferProgress(NamedTuple):
    """The progress of a transfer of files."""

    completed: int
    """The bytes of files that were transferred."""
    total: Optional[int]
    """The bytes of all files; None if that is not known."""


class TransferSummary(NamedTuple):
    """The result of a transfer of files."""

    files: int
    """The number of files."""
    bytes: int
    """The bytes of the files."""
    skipped: Tuple[str, ...]
    """The paths of what was left out, such as devices and links that lead out of the directory; at most 100."""


def summary(values: Dict[str, Any]) -> TransferSummary:
    """Returns what the library says about a transfer."""
    return TransferSummary(values["files"], values["bytes"], tuple(values["skipped"]))


class Source(NamedTuple):
    """The place that the value of a setting came from."""

    kind: str
    """The kind: `argument`, `environment`, `dotenv`, `profile`, `process` or `default`."""
    origin: str
    """The exact place: a parameter, a variable, or a line of a file."""


class Shadow(NamedTuple):
    """A source whose value is not used because another source takes precedence."""

    source: Source
    """The source that is not used."""
    reason: str
    """The reason, such as "a value passed by the program takes precedence"."""
