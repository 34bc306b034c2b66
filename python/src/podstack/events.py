"""The events that a client reports to its `on_event=` function.

They never contain a secret. Paths begin with `/v1` and contain no query.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ._model import Model, as_text, as_time

__all__ = [
    "ClientEvent",
    "RequestFailed",
    "RequestFinished",
    "RequestRetried",
    "RequestStarted",
    "TokenExpiring",
    "TokenReloaded",
    "WarningEvent",
]


class ClientEvent(Model):
    """An event of a client."""

    __slots__ = ()


class RequestStarted(ClientEvent):
    """An attempt to send a request starts.

    Args:
        method: The method, such as `GET`.
        path: The path.
    """

    __slots__ = ()
    _fields = ("method", "path")

    def __init__(self, *, method: str, path: str) -> None:
        self._init({"method": method, "path": path})

    @property
    def method(self) -> str:
        """The method, such as `GET`."""
        return str(self._values["method"])

    @property
    def path(self) -> str:
        """The path."""
        return str(self._values["path"])


class RequestFinished(ClientEvent):
    """A response arrived, whatever its status.

    Args:
        method: The method, such as `GET`.
        path: The path.
        status: The HTTP status.
        duration: The duration of this attempt alone, in seconds.
        request_id: The `X-Request-ID` of the response, if it has one.
    """

    __slots__ = ()
    _fields = ("method", "path", "status", "duration", "request_id")

    def __init__(
        self, *, method: str, path: str, status: int, duration: float, request_id: str | None = None
    ) -> None:
        self._init(
            {"method": method, "path": path, "status": status, "duration": duration, "request_id": request_id}
        )

    @property
    def method(self) -> str:
        """The method, such as `GET`."""
        return str(self._values["method"])

    @property
    def path(self) -> str:
        """The path."""
        return str(self._values["path"])

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self._values["status"])

    @property
    def duration(self) -> float:
        """The duration of this attempt alone, in seconds."""
        return float(self._values["duration"])

    @property
    def request_id(self) -> str | None:
        """The `X-Request-ID` of the response, if it has one."""
        value: str | None = self._values.get("request_id")
        return value


class RequestFailed(ClientEvent):
    """No response arrived.

    Args:
        method: The method, such as `GET`.
        path: The path.
        reason: A text such as `the request timed out`.
        duration: The duration of this attempt alone, in seconds.
    """

    __slots__ = ()
    _fields = ("method", "path", "reason", "duration")

    def __init__(self, *, method: str, path: str, reason: str, duration: float) -> None:
        self._init({"method": method, "path": path, "reason": reason, "duration": duration})

    @property
    def method(self) -> str:
        """The method, such as `GET`."""
        return str(self._values["method"])

    @property
    def path(self) -> str:
        """The path."""
        return str(self._values["path"])

    @property
    def reason(self) -> str:
        """A text such as `the request timed out`."""
        return str(self._values["reason"])

    @property
    def duration(self) -> float:
        """The duration of this attempt alone, in seconds."""
        return float(self._values["duration"])


class RequestRetried(ClientEvent):
    """A request will be sent again after a delay.

    Args:
        method: The method, such as `GET`.
        path: The path.
        retry: The number of the retry, from 1.
        delay: The delay in seconds.
        reason: A short text, such as `HTTP 503`.
    """

    __slots__ = ()
    _fields = ("method", "path", "retry", "delay", "reason")

    def __init__(self, *, method: str, path: str, retry: int, delay: float, reason: str) -> None:
        self._init({"method": method, "path": path, "retry": retry, "delay": delay, "reason": reason})

    @property
    def method(self) -> str:
        """The method, such as `GET`."""
        return str(self._values["method"])

    @property
    def path(self) -> str:
        """The path."""
        return str(self._values["path"])

    @property
    def retry(self) -> int:
        """The number of the retry, from 1."""
        return int(self._values["retry"])

    @property
    def delay(self) -> float:
        """The delay in seconds."""
        return float(self._values["delay"])

    @property
    def reason(self) -> str:
        """A short text, such as `HTTP 503`."""
        return str(self._values["reason"])


class TokenReloaded(ClientEvent):
    """The service rejected the token, its source now has another one, and the request is sent again with that.

    Args:
        origin: Where the token came from.
    """

    __slots__ = ()
    _fields = ("origin",)

    def __init__(self, *, origin: str) -> None:
        self._init({"origin": origin})

    @property
    def origin(self) -> str:
        """Where the token came from."""
        return str(self._values["origin"])


class TokenExpiring(ClientEvent):
    """The token expires in less than 14 days; a client reports it once.

    Args:
        expires_at: The time from which the token is rejected.
        seconds_left: The seconds until then.
    """

    __slots__ = ()
    _fields = ("expires_at", "seconds_left")

    def __init__(self, *, expires_at: datetime, seconds_left: int) -> None:
        self._init({"expires_at": as_text(expires_at), "seconds_left": seconds_left})

    @property
    def expires_at(self) -> datetime:
        """The time from which the token is rejected."""
        return as_time(self._values["expires_at"])

    @property
    def seconds_left(self) -> int:
        """The seconds until then."""
        return int(self._values["seconds_left"])


class WarningEvent(ClientEvent):
    """A setting works but should be changed.

    Args:
        message: The reason, in one sentence.
    """

    __slots__ = ()
    _fields = ("message",)

    def __init__(self, *, message: str) -> None:
        self._init({"message": message})

    @property
    def message(self) -> str:
        """The reason, in one sentence."""
        return str(self._values["message"])


_KINDS: dict[str, type[ClientEvent]] = {
    "request_started": RequestStarted,
    "request_finished": RequestFinished,
    "request_failed": RequestFailed,
    "request_retried": RequestRetried,
    "token_reloaded": TokenReloaded,
    "token_expiring": TokenExpiring,
    "warning": WarningEvent,
}


def _event(fields: dict[str, Any]) -> ClientEvent | None:
    """Returns the event that a message describes; None for one that this version does not know."""
    kind = _KINDS.get(fields.get("type", ""))
    return kind._from(fields) if kind else None
