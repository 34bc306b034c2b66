"""Transports: ways to send one HTTP request and receive its response.

A client uses libcurl by default. Implement `Transport` to test code without a network, or to use another HTTP library:

```python
class HttpxTransport:
    def __init__(self) -> None:
        self.client = httpx.Client(follow_redirects=False)

    def send(self, request: TransportRequest) -> TransportResponse:
        try:
            response = self.client.request(
                request.method, request.url, headers=request.all_headers(), content=request.body,
                timeout=request.timeout)
        except httpx.TransportError as error:
            raise TransportFailure(str(error)) from error
        return TransportResponse(response.status_code, response.headers.items(), response.content)

client = Client(transport=HttpxTransport())
```

A response with any status is a response, not an error. A transport never follows a redirect, because that would send
the token to another server.
"""

from __future__ import annotations

import binascii
from typing import Any, Iterable, Protocol

from ._model import complete
from .token import APIToken

__all__ = ["AsyncTransport", "Transport", "TransportFailure", "TransportRequest", "TransportResponse"]


class TransportRequest:
    """An HTTP request, as a transport receives it. Printing it shows no secret.

    Args:
        method: The method in capital letters, such as `GET`.
        url: The absolute URL.
        token: The token for the header `Authorization`; None to send none.
        headers: The other headers, in order.
        body: The body; None if there is none.
        timeout: The longest time in seconds until the last byte of the response.
    """

    __slots__ = ("body", "headers", "method", "timeout", "token", "url")

    method: str
    """The method in capital letters, such as `GET`."""
    url: str
    """The absolute URL."""
    token: APIToken | None
    """The token for the header `Authorization`; None to send none."""
    headers: tuple[tuple[str, str], ...]
    """The other headers, in order."""
    body: bytes | None
    """The body; None if there is none."""
    timeout: float
    """The longest time in seconds until the last byte of the response."""

    def __init__(
        self,
        method: str,
        url: str,
        *,
        token: APIToken | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        timeout: float = 30.0,
    ) -> None:
        self.method = method
        self.url = url
        self.token = token
        self.headers = tuple(headers)
        self.body = body
        self.timeout = timeout

    def all_headers(self) -> list[tuple[str, str]]:
        """Returns the headers with `Authorization`, which contains the secret."""
        if self.token is None:
            return list(self.headers)
        return [("Authorization", f"Bearer {self.token.reveal()}"), *self.headers]

    def header(self, name: str) -> str | None:
        """Returns the value of a header other than `Authorization`.

        Args:
            name: The name; its case does not matter.
        """
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @complete
    def __repr__(self) -> str:
        return f"TransportRequest({self.method!r}, {self.url!r}, token={self.token!r}, timeout={self.timeout!r})"


class TransportResponse:
    """An HTTP response, as a transport returns it.

    Args:
        status: The status code, 100 to 599.
        headers: The headers, in order.
        body: The body; empty if there is none.
    """

    __slots__ = ("body", "headers", "status")

    status: int
    """The status code."""
    headers: tuple[tuple[str, str], ...]
    """The headers, in order."""
    body: bytes
    """The body; empty if there is none."""

    def __init__(self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        self.status = status
        self.headers = tuple(headers)
        self.body = body

    @complete
    def __repr__(self) -> str:
        return f"TransportResponse({self.status!r}, {len(self.body)} bytes)"


class TransportFailure(Exception):
    """The error of a transport that received no response.

    Args:
        reason: The reason as the end of a sentence, such as `the request timed out`; without a URL and a secret.
        retryable: Whether another attempt may succeed.
    """

    reason: str
    """The reason as the end of a sentence."""
    retryable: bool
    """Whether another attempt may succeed."""

    def __init__(self, reason: str, *, retryable: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class Transport(Protocol):
    """A way to send one request, for a `Client`. Calls of several threads may be in progress at once."""

    def send(self, request: TransportRequest) -> TransportResponse:
        """Sends a request and returns the whole response.

        Args:
            request: The request.

        Raises:
            TransportFailure: No response arrived. A built-in `OSError` means the same; other errors are raised by the
                call as they are.
        """


class AsyncTransport(Protocol):
    """A way to send one request, for an `AsyncClient`."""

    async def send(self, request: TransportRequest) -> TransportResponse:
        """Sends a request and returns the whole response.

        Args:
            request: The request.

        Raises:
            TransportFailure: No response arrived. A built-in `OSError` means the same; other errors are raised by the
                call as they are.
        """


def _request(message: dict[str, Any]) -> TransportRequest:
    """Returns the request that the SDK wants to send."""
    # Removed, because error reports show the variables of each frame.
    token, body = message.pop("token", None), message.pop("body", None)
    if token is not None:
        token = APIToken(token)
    return TransportRequest(
        message["method"],
        message["url"],
        token=token,
        headers=[(name, value) for name, value in message["headers"]],
        body=None if body is None else binascii.a2b_base64(body),
        timeout=message["timeout"],
    )


def _answer(found: object) -> dict[str, Any]:
    """Returns what a transport returned as the answer to the SDK."""
    if not isinstance(found, TransportResponse):
        raise TypeError(f"a transport must return a TransportResponse, and not {type(found).__name__}")
    return {
        "status": found.status,
        "headers": [[name, value] for name, value in found.headers],
        "body": binascii.b2a_base64(found.body, newline=False).decode(),
    }
