"""Secrets: `APIToken` is the only type that contains one."""

from __future__ import annotations

from typing import Any, NoReturn

from . import _native
from ._model import complete

__all__ = ["APIToken"]


class APIToken:
    """An API token; the only type that contains a secret.

    Printing, formatting or pickling a token gives its public prefix, such as `podstack_abc12345…`, or `…` when it has
    none. Only `reveal()` gives the full token.

    >>> token = APIToken("hf_not_for_your_eyes")
    >>> print(token)
    …
    >>> token.reveal()
    'hf_not_for_your_eyes'

    Args:
        secret: The full token; whitespace around it is removed.
    """

    __slots__ = ("__secret",)

    __secret: str | None

    def __init__(self, secret: str) -> None:
        if not isinstance(secret, str):
            kind, secret = type(secret).__name__, ""
            raise TypeError(f"a token must be a str, and not {kind}")
        object.__setattr__(self, "_APIToken__secret", secret.strip())

    def reveal(self) -> str:
        """Returns the full token.

        Raises:
            ValueError: The token was unpickled: a pickle does not contain the secret.
        """
        if self.__secret is None:
            raise ValueError("this token has no secret, because it was pickled")
        return self.__secret

    @property
    def prefix(self) -> str | None:
        """The public prefix, such as `podstack_abc12345`; None for a token in another format."""
        if self.__secret is None:
            return None
        prefix: str | None = _native.function(b"token.prefix", {"token": self.__secret})["prefix"]
        return prefix

    def __str__(self) -> str:
        return (self.prefix or "") + "…"

    @complete
    def __repr__(self) -> str:
        return f"APIToken('{self}')"

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, APIToken):
            return NotImplemented
        if self.__secret is None or other.__secret is None:
            return self is other
        import hmac

        return hmac.compare_digest(self.__secret.encode(), other.__secret.encode())

    def __hash__(self) -> int:
        return hash(("APIToken", self.__secret))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("APIToken is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("APIToken is frozen")

    # A copy is the same token, and a pickle has no secret.

    def __copy__(self) -> APIToken:
        return self

    def __deepcopy__(self, memo: object) -> APIToken:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _without_secret, ()

    def __getstate__(self) -> None:
        return None


def _without_secret() -> APIToken:
    token = APIToken("")
    object.__setattr__(token, "_APIToken__secret", None)
    return token
