"""The arguments of operations, as the library reads them."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Mapping, Sequence, Union

from ._model import as_decimal
from .token import APIToken

if TYPE_CHECKING:
    from decimal import Decimal

    from .models import SpendLimit, VolumeMount


class Unchanged(Enum):
    """The default of an argument whose None removes a value."""

    UNCHANGED = "unchanged"
    """The value stays as it is."""

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED = Unchanged.UNCHANGED
"""The value stays as it is."""


class RegistryCredentials:
    """The user and the password of a private registry. Printing it never shows the password.

    Args:
        username: The user.
        password: The password, or a token of the registry.
    """

    __slots__ = ("_password", "username")

    username: str
    """The user."""

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self._password = password

    def __repr__(self) -> str:
        return f"RegistryCredentials({self.username!r}, ...)"

    def __reduce__(self) -> str:
        raise TypeError("RegistryCredentials cannot be pickled, because the result would show the password")

    def _fields(self) -> dict[str, str]:
        return {"username": self.username, "password": self._password}


# Union, because the alias is evaluated by Python 3.9 too.
Time = Union[float, timedelta]


def seconds(time: float | timedelta | None) -> float | None:
    """Returns a time in seconds."""
    return time.total_seconds() if isinstance(time, timedelta) else time


def texts(name: str, values: Sequence[str] | None) -> Any:
    """Returns texts as a list."""
    if isinstance(values, str):
        # A text is a sequence of its characters, which would become a list of scopes.
        raise TypeError(f"{name} must be a list of texts, such as [{values!r}]")
    return None if values is None else [*values]


def amount(name: str, value: Decimal | float | None) -> str | None:
    """Returns an amount of money as a text, which is exact."""
    return None if value is None else format(as_decimal(name, value), "f")


def spend_limit(limit: SpendLimit | None) -> Any:
    """Returns a spend limit as an object."""
    return None if limit is None else {"amount": amount("amount", limit.amount), "period": limit.period}


def mounts(volumes: Sequence[VolumeMount | Mapping[str, str]]) -> list[dict[str, str]]:
    """Returns mounts of volumes as objects."""
    return [dict(mount) if isinstance(mount, Mapping) else mount.to_dict() for mount in volumes]


def variables(env: Mapping[str, str | APIToken]) -> dict[str, str]:
    """Returns the variables of a pod with their values, which may be secrets."""
    return {name: value.reveal() if isinstance(value, APIToken) else value for name, value in env.items()}


def changed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments without those that stay as they are."""
    return {name: value for name, value in arguments.items() if value is not UNCHANGED}
