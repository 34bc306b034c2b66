"""The errors of the SDK.

Every error is a `PodstackError`. Printing one gives one clear sentence, never a secret:

>>> from podstack.exceptions import RateLimitError
>>> print(RateLimitError("Too many requests: try again in 5 seconds", retry_after=5))
Too many requests: try again in 5 seconds
"""

from __future__ import annotations

import builtins as _builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from .models import Pod

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "ConflictError",
    "ExecTimeoutError",
    "GPUNotAvailableError",
    "InsufficientBalanceError",
    "NetworkError",
    "PermissionError",
    "PodFileError",
    "PodNotRunningError",
    "PodstackError",
    "QuotaExceededError",
    "RateLimitError",
    "ResourceNotFoundError",
    "ServerError",
    "ValidationError",
]

# The sentences of the page's section "Troubleshooting". The reason that may follow is in `message` and `hint`.
_SENTENCES = ("Invalid API token", "No API token provided", "Access denied to resource")


class PodstackError(Exception):
    """An error of the SDK.

    Args:
        message: The problem, in one sentence.
        code: The machine-readable reason, such as `invalid_token`.
        request_id: The `X-Request-ID` of the response, to quote to the operator of the service.
        status_code: The HTTP status; None when there was no response.
        details: Other fields of the service's error, by their names in the API.
        hint: A suggestion what to do.
    """

    message: str
    """The problem, in one sentence."""
    code: str | None
    """The machine-readable reason, when the service or the SDK gave one."""
    request_id: str | None
    """The `X-Request-ID` of the response, to quote to the operator of the service."""
    status_code: int | None
    """The HTTP status; None when there was no response."""
    details: dict[str, Any]
    """Other fields of the service's error, by their names in the API."""
    hint: str | None
    """A suggestion what to do, when there is one."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        request_id: str | None = None,
        status_code: int | None = None,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.status_code = status_code
        self.details = dict(details or {})
        self.hint = hint

    def __str__(self) -> str:
        for sentence in _SENTENCES:
            if self.message.startswith(sentence + ":"):
                return sentence
        return self.message

    def __repr__(self) -> str:
        code = f", code={self.code!r}" if self.code else ""
        return f"{type(self).__name__}({self.message!r}{code})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, dict(self.__dict__))


def _rebuild(kind: type[PodstackError], message: str, fields: dict[str, Any]) -> PodstackError:
    error = kind(message)
    error.__dict__.update(fields)
    return error


class AuthenticationError(PodstackError):
    """There is no token, or the service rejected it (401).

    The sentence is `No API token provided`, or `Invalid API token` with the code `invalid_token`, `expired_token`,
    `revoked_token` or `rotated_token`.
    """


class PermissionError(PodstackError, _builtins.PermissionError):
    """The token is valid but does not allow the operation (403): `Access denied to resource`.

    It is also a built-in `PermissionError`.
    """

    @property
    def required_scope(self) -> str | None:
        """The scope that the token lacks, such as `projects:create`."""
        return _text(self.details.get("required_scope"))


class ResourceNotFoundError(PodstackError):
    """The resource does not exist or is not visible to this token (404)."""

    @property
    def resource_type(self) -> str | None:
        """The kind of resource, such as `project`."""
        return _text(self.details.get("resource_type"))

    @property
    def resource_id(self) -> str | None:
        """The ID of the resource."""
        return _text(self.details.get("resource_id"))


class ValidationError(PodstackError):
    """The request was invalid (400, 409, 422), or an ID that was passed cannot be one.

    A 409 is a name that exists, for example; see `ConflictError` for a resource in the wrong state.

    In the latter case nothing was sent, and `status_code` is None.
    """

    @property
    def field_errors(self) -> dict[str, list[str]]:
        """The problems of each invalid field."""
        fields = self.details.get("field_errors")
        if not isinstance(fields, dict):
            return {}
        return {
            name: [text for text in texts if isinstance(text, str)]
            for name, texts in fields.items()
            if isinstance(texts, list)
        }


class InsufficientBalanceError(PodstackError):
    """The wallet, or a limit of a token, a project or a pod, does not cover the operation (402)."""

    @property
    def required_amount(self) -> float | None:
        """The amount that the operation requires."""
        return _number(self.details.get("required_amount"))

    @property
    def available_amount(self) -> float | None:
        """The amount that the account has."""
        return _number(self.details.get("available_amount"))

    @property
    def limit(self) -> str | None:
        """What does not cover the operation: `wallet`, `token`, `project` or `pod`."""
        return _text(self.details.get("limit"))


class QuotaExceededError(PodstackError):
    """The account has reached a limit (code `quota_exceeded`)."""

    @property
    def resource_type(self) -> str | None:
        """The kind of resource that is limited."""
        return _text(self.details.get("resource_type"))

    @property
    def limit(self) -> int | None:
        """The number of resources that the account may have."""
        return _integer(self.details.get("limit"))

    @property
    def current(self) -> int | None:
        """The number of resources that the account has."""
        return _integer(self.details.get("current"))


class GPUNotAvailableError(PodstackError):
    """The service does not have the GPUs that a pod needs (409, code `gpu_not_available`)."""

    @property
    def gpu_type(self) -> str | None:
        """The type that was asked for, such as `A100`."""
        return _text(self.details.get("gpu_type"))

    @property
    def available_types(self) -> list[str]:
        """The types of which GPUs are available."""
        return _texts(self.details.get("available_types"))


class ConflictError(PodstackError):
    """The state of a resource does not allow the operation (409), such as a command in a pod that does not run."""

    @property
    def current_state(self) -> str | None:
        """The state of the resource, such as `stopped`."""
        return _text(self.details.get("current_state"))

    @property
    def required_state(self) -> str | None:
        """The state that the operation requires, such as `running`."""
        return _text(self.details.get("required_state"))

    @property
    def pod_ids(self) -> list[str]:
        """The IDs of the pods that use the resource, such as those that mount a volume."""
        return _texts(self.details.get("pod_ids"))


class ExecTimeoutError(PodstackError):
    """A command in a pod did not end within its time (504, code `exec_timeout`)."""


class PodNotRunningError(PodstackError):
    """A pod does not run as expected: it failed, ended or was deleted, or did not get there in time.

    The message contains the pod's reason, such as why the image could not be pulled.
    """

    pod: Pod | None = None
    """The pod as it was seen last."""
    is_timeout: bool = False
    """Whether the time to wait passed, so that the pod may still get there."""


class PodFileError(PodstackError):
    """A local file or directory cannot be read or written, or a path in the pod is not usable."""


class RateLimitError(PodstackError):
    """The client sent too many requests (429).

    Args:
        message: The problem, in one sentence.
        retry_after: The number of seconds after which the service accepts requests again.
        code: The machine-readable reason.
        request_id: The `X-Request-ID` of the response.
        status_code: The HTTP status.
        details: Other fields of the service's error.
        hint: A suggestion what to do.
    """

    retry_after: float | None
    """The number of seconds after which the service accepts requests again."""

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float | None = None,
        code: str | None = None,
        request_id: str | None = None,
        status_code: int | None = None,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(
            message, code=code, request_id=request_id, status_code=status_code, details=details, hint=hint
        )
        self.retry_after = retry_after


class ServerError(PodstackError):
    """The service failed (5xx), or the response is not from the Podstack API."""


class NetworkError(PodstackError, _builtins.ConnectionError):
    """The service could not be reached: no connection, a timeout, or an incomplete response.

    It is also a built-in `ConnectionError`.

    Args:
        message: The problem, in one sentence.
        kind: The kind of failure, such as `timeout`, when the SDK knows it.
        code: The machine-readable reason.
        request_id: The `X-Request-ID` of the response.
        status_code: The HTTP status.
        details: Other fields.
        hint: A suggestion what to do.
    """

    kind: str | None
    """The kind of failure, when the SDK knows it."""

    def __init__(
        self,
        message: str = "",
        *,
        kind: str | None = None,
        code: str | None = None,
        request_id: str | None = None,
        status_code: int | None = None,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(
            message, code=code, request_id=request_id, status_code=status_code, details=details, hint=hint
        )
        self.kind = kind


class ConfigurationError(PodstackError):
    """A setting exists but cannot be used.

    Examples are an invalid file, an endpoint that must not receive the token, and a client that is closed.
    """

    source: str | None = None
    """Where the setting came from, such as `api_endpoint=` or `PODSTACK_API_ENDPOINT`, when it is one setting."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _from_fields(fields: dict[str, Any]) -> PodstackError:
    """Returns the error that the C interface describes."""
    name = fields.get("type", "PodstackError")
    message = fields.get("message", "")
    if name == "InterfaceError":
        return ConfigurationError(message, code=fields.get("code"))
    kind = globals().get(name) if name in __all__ else None
    error: PodstackError = (kind or PodstackError)(
        message,
        code=fields.get("code"),
        request_id=fields.get("request_id"),
        status_code=fields.get("status_code"),
        details=fields.get("details"),
        hint=fields.get("hint"),
    )
    sentence = str(error)
    if sentence != message and error.hint is None:
        # The sentence of the page leaves out the reason.
        reason = message[len(sentence) + 1 :].strip()
        error.hint = reason[:1].upper() + reason[1:]
    if isinstance(error, RateLimitError):
        error.retry_after = _number(fields.get("retry_after"))
    elif isinstance(error, PodNotRunningError):
        from .models import Pod

        error.pod = Pod._from(fields["pod"]) if isinstance(fields.get("pod"), dict) else None
        error.is_timeout = fields.get("is_timeout") is True
    elif isinstance(error, NetworkError):
        error.kind = fields.get("kind")
    elif isinstance(error, ConfigurationError) and isinstance(fields.get("source"), dict):
        error.source = fields["source"].get("origin")
    return error
