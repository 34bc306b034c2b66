"""The variables of a `.env` file, for local development.

The grammar is python-dotenv's. Unlike `dotenv.load_dotenv()`, `load_dotenv()` remembers which variables came from the
file: a file from elsewhere cannot send your token to another server, use its own proxy, or name another credentials file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping

from . import _native
from .events import WarningEvent

if TYPE_CHECKING:
    from .events import ClientEvent

__all__ = ["DotEnv", "load_dotenv", "parse_dotenv", "read_dotenv"]


class DotEnv(Mapping[str, "str | None"]):
    """The variables of a file, in the order of their first appearance. Printing them shows only the names."""

    __slots__ = ("_values", "path", "warnings")

    path: str | None
    """The path of the file; None when a text was parsed."""
    warnings: tuple[str, ...]
    """A sentence about each line that was skipped."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values: dict[str, str | None] = {name: value for name, value, _ in values["variables"]}
        self.path = values["path"]
        self.warnings = tuple(values["warnings"])

    def __getitem__(self, name: str) -> str | None:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"DotEnv({', '.join(self._values)})"

    def __bool__(self) -> bool:
        return True


def load_dotenv(
    path: str | os.PathLike[str] | None = None,
    *,
    override: bool = False,
    trust: bool = False,
    on_event: Callable[[ClientEvent], object] | None = None,
) -> DotEnv | None:
    """Sets the variables of a `.env` file in this process.

    Call it at the start of the program, before other threads read the environment. A `.env` file may set a token, a
    project, and an endpoint for its own token; other variables that determine where a token goes require `trust`.

    Args:
        path: The path of the file; None searches for `.env` in the working directory, then in its parents up to the root
            of the repository, the home directory or a folder of another owner.
        override: Whether the file's variables replace variables that are already set.
        trust: Whether the file may also determine where tokens go.
        on_event: Receives a warning for each line that was skipped.

    Returns:
        The variables of the file; None when `path` is None and no `.env` file was found.

    Raises:
        ConfigurationError: The file cannot be read, is not UTF-8, or contains a name or a value that an environment
            cannot hold. Then no variable was set.
    """
    before = set(os.environ)
    arguments = {"path": None if path is None else os.fspath(path), "override": override, "trust": trust}
    values = _native.function(b"dotenv.load", arguments)
    if values is None:
        return None
    file = DotEnv(values)
    # The library has set them already; this is for os.environ, which is a copy from the start of the process.
    for name, value in file.items():
        if value is not None and (override or name not in before):
            os.environ[name] = value
    if on_event is not None:
        for text in file.warnings:
            on_event(WarningEvent(message=text))
    return file


def parse_dotenv(text: str, *, environment: Mapping[str, str] | None = None, override: bool = False) -> DotEnv:
    """Parses the content of a `.env` file without setting variables.

    >>> dict(parse_dotenv("GREETING='Hello' # a comment"))
    {'GREETING': 'Hello'}

    Args:
        text: The content of a file.
        environment: The values for `${NAME}` instead of those of the process.
        override: Whether the text's own variables take precedence over `environment`.

    Raises:
        ConfigurationError: The values would expand to more than 16 MiB.
    """
    return DotEnv(_native.function(b"dotenv.parse", _arguments(environment, override, text=text)))


def read_dotenv(
    path: str | os.PathLike[str], *, environment: Mapping[str, str] | None = None, override: bool = False
) -> DotEnv:
    """Reads a `.env` file without setting variables.

    Args:
        path: The path of the file.
        environment: The values for `${NAME}` instead of those of the process.
        override: Whether the file's own variables take precedence over `environment`.

    Raises:
        ConfigurationError: The file does not exist, cannot be read or is not UTF-8.
    """
    return DotEnv(_native.function(b"dotenv.parse", _arguments(environment, override, path=os.fspath(path))))


def _arguments(environment: Mapping[str, str] | None, override: bool, **values: Any) -> dict[str, Any]:
    return {"environment": None if environment is None else dict(environment), "override": override, **values}
