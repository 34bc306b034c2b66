"""A login for a program without a token: a user approves it in a browser, on any device.

```python
login = DeviceLogin()
request = login.begin("My program on this host")
print(f"Open {request.verification_uri_complete}, and check that it shows {request.user_code}")
token, secret = request.token()
```

The secret is generated here, and the service receives only its digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from . import _native
from ._arguments import texts
from ._open import open_handle
from ._session import Callbacks, OnEvent, Session
from ._tuples import CreatedToken, created

if TYPE_CHECKING:
    from datetime import timedelta

    from ._async_session import AsyncSession
    from .transport import AsyncTransport, Transport

__all__ = ["AsyncDeviceLogin", "AsyncDeviceLoginRequest", "DeviceLogin", "DeviceLoginRequest"]

OnWait = Callable[[float], object]


class _Waits(Callbacks):
    """Passes the time that is left to the program, before each wait."""

    def __init__(self, callbacks: Callbacks) -> None:
        super().__init__(None, callbacks.transport, callbacks.on_event)
        self.on_wait: OnWait | None = None

    def report(self, fields: dict[str, Any]) -> None:
        if fields.get("type") == "waiting":
            if self.on_wait is not None:
                self.on_wait(fields["left"])
        else:
            super().report(fields)


class DeviceLogin:
    """A login for a program without a token; creating one sends no request.

    Args:
        api_endpoint: The service's URL; None uses `PODSTACK_API_ENDPOINT`, or the default.
        timeout: The longest time of each request in seconds; it does not limit the wait for the user's decision.
        environment: The variables to read instead of those of the process.
        transport: The transport that sends the requests.
        on_event: Receives the events.

    Raises:
        ConfigurationError: A setting is invalid.
    """

    __slots__ = ("_session",)

    def __init__(
        self,
        api_endpoint: str | None = None,
        *,
        timeout: float | timedelta | None = None,
        environment: Mapping[str, str] | None = None,
        transport: Transport | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        handle = open_handle(
            b"login", api_endpoint=api_endpoint, timeout=timeout, environment=environment, transport=transport,
            has_events=True,
        )
        self._session = Session(handle, _Waits(Callbacks(None, transport, on_event)))
        self._session.deliver = self._session._deliver

    def begin(self, client_name: str, *, scopes: Sequence[str] | None = None) -> DeviceLoginRequest:
        """Requests a code that a user can approve.

        Args:
            client_name: The name that the user sees, which becomes the token's name: 1 to 100 characters.
            scopes: The requested scopes, such as `projects:read`; None for all that the user has.

        Raises:
            ValidationError: A value is invalid.
            RateLimitError: There were too many requests.
        """
        arguments = {"client_name": client_name, "scopes": texts("scopes", scopes)}
        return DeviceLoginRequest(self._session, self._session.call(b"begin", arguments))


class _Code:
    """The code that a user has yet to approve."""

    __slots__ = ("lifetime", "user_code", "verification_uri", "verification_uri_complete")

    user_code: str
    """The code that the page must display, such as `WDJB-MJHT`."""
    verification_uri: str
    """The URL of the page that asks for the code."""
    verification_uri_complete: str
    """The URL of the same page with the code filled in."""
    lifetime: float
    """The seconds in which the user must decide."""

    def _read(self, values: Mapping[str, Any]) -> None:
        self.user_code = values["user_code"]
        self.verification_uri = values["verification_uri"]
        self.verification_uri_complete = values["verification_uri_complete"]
        self.lifetime = values["lifetime"]


class DeviceLoginRequest(_Code):
    """A request for a token, which a user has yet to approve."""

    __slots__ = ("_callbacks", "_session")

    def __init__(self, session: Session, values: Mapping[str, Any]) -> None:
        self._read(values)
        self._callbacks = _Waits(session.callbacks)
        self._session = Session(_native.Handle(None, b"", values["handle"]), self._callbacks)
        self._session.deliver = self._session._deliver

    def token(self, on_wait: OnWait | None = None) -> CreatedToken:
        """Waits until the user has approved the request, and returns the token.

        Args:
            on_wait: Receives the seconds that are left, before each wait.

        Raises:
            PermissionError: The user denied the request.
            AuthenticationError: The user did not decide in time.
            QuotaExceededError: The user's account has reached its limit of active tokens.
        """
        self._callbacks.on_wait = on_wait
        return created(self._session.call(b"token"))


# The classes for asyncio, written from those above by tools/generate_async.py.


class AsyncDeviceLogin:
    """A login for a program without a token, for asyncio; creating one sends no request.

    Args:
        api_endpoint: The service's URL; None uses `PODSTACK_API_ENDPOINT`, or the default.
        timeout: The longest time of each request in seconds; it does not limit the wait for the user's decision.
        environment: The variables to read instead of those of the process.
        transport: The transport that sends the requests.
        on_event: Receives the events.

    Raises:
        ConfigurationError: A setting is invalid.
    """

    __slots__ = ("_session",)

    def __init__(
        self,
        api_endpoint: str | None = None,
        *,
        timeout: float | timedelta | None = None,
        environment: Mapping[str, str] | None = None,
        transport: AsyncTransport | Transport | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        from ._async_session import AsyncSession

        handle = open_handle(
            b"login", api_endpoint=api_endpoint, timeout=timeout, environment=environment, transport=transport,
            has_events=True,
        )
        self._session = AsyncSession(handle, _Waits(Callbacks(None, transport, on_event)))
        self._session.deliver = self._session._deliver

    async def begin(self, client_name: str, *, scopes: Sequence[str] | None = None) -> AsyncDeviceLoginRequest:
        """Requests a code that a user can approve.

        Args:
            client_name: The name that the user sees, which becomes the token's name: 1 to 100 characters.
            scopes: The requested scopes, such as `projects:read`; None for all that the user has.

        Raises:
            ValidationError: A value is invalid.
            RateLimitError: There were too many requests.
        """
        arguments = {"client_name": client_name, "scopes": texts("scopes", scopes)}
        return AsyncDeviceLoginRequest(self._session, await self._session.call(b"begin", arguments))


class AsyncDeviceLoginRequest(_Code):
    """A request for a token, which a user has yet to approve, for asyncio."""

    __slots__ = ("_callbacks", "_session")

    def __init__(self, session: AsyncSession, values: Mapping[str, Any]) -> None:
        from ._async_session import AsyncSession

        self._read(values)
        self._callbacks = _Waits(session.callbacks)
        self._session = AsyncSession(_native.Handle(None, b"", values["handle"]), self._callbacks)
        self._session.deliver = self._session._deliver

    async def token(self, on_wait: OnWait | None = None) -> CreatedToken:
        """Waits until the user has approved the request, and returns the token.

        Args:
            on_wait: Receives the seconds that are left, before each wait.

        Raises:
            PermissionError: The user denied the request.
            AuthenticationError: The user did not decide in time.
            QuotaExceededError: The user's account has reached its limit of active tokens.
        """
        self._callbacks.on_wait = on_wait
        return created(await self._session.call(b"token"))
