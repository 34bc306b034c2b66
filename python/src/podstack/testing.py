"""Tests of your own code, without a network.

```python
from podstack import Client
from podstack.testing import RecordingTransport, user

transport = RecordingTransport(user("you@example.com"))
client = Client(api_token="test", environment={}, transport=transport)
assert client.auth.whoami().email == "you@example.com"
assert [request.method for request in transport.requests] == ["GET"]
```

`Cassette` records the answers of a real service in a file and replays them later.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Callable, Mapping, Sequence, Union
from urllib.parse import urlsplit

from ._model import Model
from .token import APIToken
from .transport import TransportFailure, TransportRequest, TransportResponse

__all__ = [
    "Cassette",
    "RecordingTransport",
    "ScriptedResponse",
    "expired_token",
    "failure",
    "insufficient_balance",
    "insufficient_scope",
    "invalid_token",
    "json_response",
    "network_failure",
    "no_content",
    "not_found",
    "page",
    "project_forbidden",
    "quota_exceeded",
    "rate_limited",
    "revoked_token",
    "rotated_token",
    "server_error",
    "text_response",
    "user",
    "validation_failed",
]

_REQUEST_ID = "req_00000000000000000000"

ScriptedResponse = Union[TransportResponse, Exception, Callable[[TransportRequest], TransportResponse]]
"""A response, an error to raise, or a function that returns the response to a request."""


class RecordingTransport:
    """A transport that returns responses in order, repeats the last one, and records the requests.

    It works with `Client` and with `AsyncClient`.

    Args:
        responses: The responses.
    """

    __slots__ = ("_left", "_lock", "_requests")

    def __init__(self, *responses: ScriptedResponse) -> None:
        self._left = list(responses)
        self._lock = threading.Lock()
        self._requests: list[TransportRequest] = []

    @property
    def requests(self) -> tuple[TransportRequest, ...]:
        """The requests in the order in which they were sent. Printing them shows no secret."""
        with self._lock:
            return tuple(self._requests)

    def send(self, request: TransportRequest) -> TransportResponse:
        """Records a request and returns its response.

        Args:
            request: The request.
        """
        with self._lock:
            self._requests.append(request)
            if not self._left:
                raise TransportFailure("the test provided no response", retryable=False)
            found = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, TransportResponse) else found(request)


# Responses of the service.


def json_response(
    values: Model | Mapping[str, Any], status: int = 200, headers: Sequence[tuple[str, str]] = ()
) -> TransportResponse:
    """Returns a response whose body is a model or a JSON object.

    Args:
        values: The model or the object.
        status: The HTTP status.
        headers: Headers besides `Content-Type`.
    """
    fields = values.to_dict() if isinstance(values, Model) else dict(values)
    body = json.dumps(fields).encode()
    return TransportResponse(status, [("Content-Type", "application/json"), *headers], body)


def text_response(text: str, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> TransportResponse:
    """Returns a response with a text as its body, such as the error page of a proxy.

    Args:
        text: The body.
        status: The HTTP status.
        headers: The headers.
    """
    return TransportResponse(status, headers, text.encode())


def no_content() -> TransportResponse:
    """Returns the response 204, which has no body."""
    return TransportResponse(204)


def user(email: str, id: str = "usr_00000000000000000000") -> TransportResponse:
    """Returns the response to `auth.whoami()`.

    Args:
        email: The user's email address.
        id: The user's ID.
    """
    return json_response({"id": id, "email": email})


def page(name: str, items: Sequence[Model], next_cursor: str | None = None) -> TransportResponse:
    """Returns one page of a list.

    Args:
        name: The name of the list, such as `tokens`.
        items: The elements.
        next_cursor: The cursor of the next page.
    """
    return json_response({name: [item.to_dict() for item in items], "next_cursor": next_cursor})


# Failures that the documentation names.


def failure(
    status: int,
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> TransportResponse:
    """Returns an error of the service.

    Args:
        status: The HTTP status.
        code: The code, such as `conflict`.
        message: The problem, in one sentence.
        details: Other fields.
        headers: Headers besides `X-Request-ID`.
    """
    error = {"code": code, "message": message, "request_id": _REQUEST_ID, "details": dict(details or {})}
    return json_response({"error": error}, status, [("X-Request-ID", _REQUEST_ID), *headers])


def invalid_token() -> TransportResponse:
    """Returns 401: the token is unknown."""
    return failure(401, "invalid_token", "Invalid API token")


def expired_token(at: str = "2026-01-01T00:00:00Z") -> TransportResponse:
    """Returns 401: the token has expired.

    Args:
        at: The time.
    """
    return failure(401, "expired_token", "Invalid API token", {"expired_at": at})


def revoked_token(at: str = "2026-01-01T00:00:00Z") -> TransportResponse:
    """Returns 401: the token was revoked.

    Args:
        at: The time.
    """
    return failure(401, "revoked_token", "Invalid API token", {"revoked_at": at})


def rotated_token(at: str = "2026-01-01T00:00:00Z") -> TransportResponse:
    """Returns 401: the token's secret was rotated, and its grace period is over.

    Args:
        at: The time.
    """
    return failure(401, "rotated_token", "Invalid API token", {"rotated_at": at})


def insufficient_scope(scope: str) -> TransportResponse:
    """Returns 403: the token lacks a scope.

    Args:
        scope: The scope, such as `projects:create`.
    """
    message = f"Access denied to resource: the token lacks {scope}"
    return failure(403, "insufficient_scope", message, {"required_scope": scope})


def project_forbidden(project: str) -> TransportResponse:
    """Returns 403: the token is not valid for a project.

    Args:
        project: The project's ID.
    """
    message = f"Access denied to resource: the token does not include project {project}"
    return failure(403, "project_forbidden", message, {"project_id": project})


def not_found(resource_type: str, resource_id: str) -> TransportResponse:
    """Returns 404: the resource does not exist, or the user cannot see it.

    Args:
        resource_type: The kind of resource.
        resource_id: The ID.
    """
    details = {"resource_type": resource_type, "resource_id": resource_id}
    return failure(404, "not_found", f"No such {resource_type}", details)


def validation_failed(field_errors: Mapping[str, Sequence[str]]) -> TransportResponse:
    """Returns 422: fields are invalid.

    Args:
        field_errors: The messages by field.
    """
    fields = {name: list(texts) for name, texts in field_errors.items()}
    message = f"The request has invalid values: see {', '.join(sorted(fields))}"
    return failure(422, "validation_failed", message, {"field_errors": fields})


def insufficient_balance(required: float, available: float) -> TransportResponse:
    """Returns 402: the balance of the account is too low.

    Args:
        required: The amount that the operation requires.
        available: The amount that the account has.
    """
    details = {"required_amount": required, "available_amount": available}
    return failure(402, "insufficient_balance", "The balance of the account is too low", details)


def quota_exceeded(resource_type: str, limit: int, current: int) -> TransportResponse:
    """Returns 409: the account has reached a limit.

    Args:
        resource_type: The kind of resource that is limited.
        limit: The number that the account may have.
        current: The number that the account has.
    """
    details = {"resource_type": resource_type, "limit": limit, "current": current}
    return failure(409, "quota_exceeded", f"The account has reached its limit of {limit} {resource_type}", details)


def rate_limited(retry_after: int) -> TransportResponse:
    """Returns 429: there were too many requests.

    Args:
        retry_after: The wait in seconds.
    """
    message = f"Too many requests: try again in {retry_after} seconds"
    return failure(429, "rate_limited", message, headers=[("Retry-After", str(retry_after))])


def server_error(status: int = 500) -> TransportResponse:
    """Returns 5xx: the service failed.

    Args:
        status: The HTTP status.
    """
    return failure(status, "internal", "Something went wrong in the service")


def network_failure(reason: str = "Couldn't connect to server") -> TransportFailure:
    """Returns the failure of a request without a response.

    Args:
        reason: The reason as the end of a sentence.
    """
    return TransportFailure(reason)


# Recorded answers of a real service.


class Cassette:
    """A transport that replays the answers in a file, or records them there.

    The file contains no token. Requests are matched by method, path and query, in the order of the file.

    ```python
    with Cassette("tests/whoami.json") as cassette:
        client = Client(transport=cassette)
        client.auth.whoami()
    ```

    Args:
        path: The path of the file.
        record: Whether to send the requests and to write the file; None records if the file does not exist.
    """

    __slots__ = ("_answers", "_lock", "path", "record")

    path: str
    """The path of the file."""
    record: bool
    """Whether requests are sent and recorded."""

    def __init__(self, path: str | os.PathLike[str], *, record: bool | None = None) -> None:
        self.path = os.fspath(path)
        self.record = not os.path.exists(self.path) if record is None else record
        self._lock = threading.Lock()
        self._answers: list[dict[str, Any]] = []
        if not self.record:
            with open(self.path, encoding="utf-8") as file:
                self._answers = json.load(file)["answers"]

    def send(self, request: TransportRequest) -> TransportResponse:
        """Returns the recorded answer, or sends the request and records its answer.

        Args:
            request: The request.
        """
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        if self.record:
            response = _send(request)
            body = _without(request.token, response.body.decode("utf-8", "replace"))
            headers = [[name, _without(request.token, value)] for name, value in response.headers]
            recorded = {
                "method": request.method, "target": target, "status": response.status, "headers": headers, "body": body}
            with self._lock:
                self._answers.append(recorded)
            return response
        with self._lock:
            for index, answer in enumerate(self._answers):
                if (answer["method"], answer["target"]) == (request.method, target):
                    del self._answers[index]
                    fields = [(name, value) for name, value in answer["headers"]]
                    return TransportResponse(answer["status"], fields, answer["body"].encode())
        raise TransportFailure(f"{self.path} has no answer to {request.method} {target}", retryable=False)

    def save(self) -> None:
        """Writes the recorded answers; does nothing when they are replayed."""
        if self.record:
            with self._lock, open(self.path, "w", encoding="utf-8") as file:
                json.dump({"answers": self._answers}, file, indent=2, ensure_ascii=False)
                file.write("\n")

    def __enter__(self) -> Cassette:
        return self

    def __exit__(self, *exception: object) -> None:
        self.save()


def _without(token: APIToken | None, text: str) -> str:
    return text if token is None else text.replace(token.reveal(), str(token))


def _send(request: TransportRequest) -> TransportResponse:
    """Sends a request with the standard library; for recording, where speed does not matter."""
    import http.client

    parts = urlsplit(request.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=request.timeout)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(request.method, target, request.body, dict(request.all_headers()))
        response = connection.getresponse()
        return TransportResponse(response.status, response.getheaders(), response.read())
    except (OSError, http.client.HTTPException) as error:
        raise TransportFailure(str(error) or type(error).__name__) from error
    finally:
        connection.close()
