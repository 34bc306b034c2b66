"""The settings of a client: where each came from, and what it shadows."""

from __future__ import annotations

from typing import Any, Generic, Mapping, TypeVar

from . import _native, exceptions
from ._model import complete
from ._tuples import Shadow, Source
from .token import APIToken

__all__ = ["Configuration", "RetryConfiguration", "Setting", "Shadow", "Source"]

_Value = TypeVar("_Value")
_CONDITIONS = ("server_error", "rate_limit", "network_error")


class Setting(Generic[_Value]):
    """A setting: its value, its source, and the sources that it shadows.

    Args:
        value: The value in use.
        source: The source of the value.
        shadows: Sources of lower precedence that also hold a value, highest precedence first.
    """

    __slots__ = ("shadows", "source", "value")

    value: _Value
    """The value in use."""
    source: Source
    """The source of the value."""
    shadows: tuple[Shadow, ...]
    """Sources of lower precedence that also hold a value, highest precedence first."""

    def __init__(self, value: _Value, source: Source, shadows: tuple[Shadow, ...] = ()) -> None:
        self.value = value
        self.source = source
        self.shadows = shadows

    def __repr__(self) -> str:
        return f"Setting({self.value!r}, {self.source!r})"


class Configuration:
    """The settings that a client uses. Printing them gives a table in which the token is redacted."""

    __slots__ = ("api_endpoint", "api_token", "profile", "project_id", "token_error", "warnings")

    api_token: Setting[APIToken | None] | None
    """The token; None when there is none. Its value is None when a command or a provider supplies it."""
    project_id: Setting[str] | None
    """The project that operations use; None when no source sets one."""
    api_endpoint: Setting[str]
    """The address of the service."""
    profile: Setting[str] | None
    """The profile that supplied settings; None when none did."""
    warnings: tuple[str, ...]
    """Sentences about settings that work but should be changed."""
    token_error: exceptions.PodstackError | None
    """The reason why there is no usable token; None when there is one."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        token = values["api_token"]
        self.api_token = None
        if token is not None:
            secret = token["value"]
            self.api_token = _setting(token, None if secret is None else APIToken(secret))
        project, profile, endpoint = values["project_id"], values["profile"], values["api_endpoint"]
        self.project_id = None if project is None else _setting(project, str(project["value"]))
        self.api_endpoint = _setting(endpoint, str(endpoint["value"]))
        self.profile = None if profile is None else _setting(profile, str(profile["value"]))
        self.warnings = tuple(values["warnings"])
        error = values["token_error"]
        self.token_error = None if error is None else exceptions._from_fields(error)

    @classmethod
    def resolve(
        cls,
        api_token: str | APIToken | None = None,
        profile: str | None = None,
        project_id: str | None = None,
        api_endpoint: str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> Configuration:
        """Resolves the settings that a `Client` with the same arguments would use; runs no command.

        Succeeds without a usable token: `token_error` then says why there is none.

        Args:
            api_token: The token, as for `Client`.
            profile: The name of a profile in the credentials file.
            project_id: The ID of the project.
            api_endpoint: The address of the service.
            environment: The variables to read instead of those of the process.

        Raises:
            ConfigurationError: A source cannot be read, or its value cannot be used.
        """
        try:
            return cls(
                _native.function(
                    b"configuration",
                    {
                        "api_token": api_token.reveal() if isinstance(api_token, APIToken) else api_token,
                        "profile": profile,
                        "project_id": project_id,
                        "api_endpoint": api_endpoint,
                        "environment": None if environment is None else dict(environment),
                    },
                )
            )
        finally:
            # Error reports show the variables of each frame, and a token may be in any of these.
            api_token = profile = project_id = api_endpoint = environment = None

    def __str__(self) -> str:
        token = self.api_token
        rows = [
            ("api_token", None if token is None else str(token.value or "…"), token),
            ("project_id", self.project_id and self.project_id.value, self.project_id),
            ("api_endpoint", self.api_endpoint.value, self.api_endpoint),
            ("profile", self.profile and self.profile.value, self.profile),
        ]
        widest = max(len(value or "–") for _, value, _ in rows)
        lines = []
        for name, value, setting in rows:
            origin = setting.source.origin if setting else "not set"
            lines.append(f"{name:13} {(value or '–'):{widest}}  {origin}")
            for shadow in setting.shadows if setting else ():
                lines.append(f"{'':14}shadows {shadow.source.origin}: {shadow.reason}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Configuration\n{self}>"


def _setting(values: Mapping[str, Any], value: _Value) -> Setting[_Value]:
    shadows = tuple(
        Shadow(Source(item["source"]["kind"], item["source"]["origin"]), item["reason"]) for item in values["shadows"]
    )
    return Setting(value, Source(values["source"]["kind"], values["source"]["origin"]), shadows)


class RetryConfiguration:
    """A policy that says when and how often a failed request is repeated.

    Every request of the SDK can be repeated safely. The wait before the n-th retry is a random time between zero and
    `initial_delay` × `backoff_factor`ⁿ⁻¹, at most `max_delay`. All attempts and waits fit in the client's `timeout`.

    Args:
        max_retries: The largest number of retries of one request, after the first attempt.
        backoff_factor: The factor by which the longest wait grows with each retry; 1 or more.
        retry_on: The kinds of failure after which a request is repeated: any of `server_error`, `rate_limit` and
            `network_error`.
        initial_delay: The longest wait before the first retry, in seconds.
        max_delay: The longest wait before any retry, in seconds.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    __slots__ = ("backoff_factor", "initial_delay", "max_delay", "max_retries", "retry_on")

    max_retries: int
    """The largest number of retries of one request, after the first attempt."""
    backoff_factor: float
    """The factor by which the longest wait grows with each retry."""
    retry_on: tuple[str, ...]
    """The kinds of failure after which a request is repeated."""
    initial_delay: float
    """The longest wait before the first retry, in seconds."""
    max_delay: float
    """The longest wait before any retry, in seconds."""

    def __init__(
        self,
        max_retries: int = 3,
        backoff_factor: float = 2,
        retry_on: tuple[str, ...] | list[str] | set[str] | frozenset[str] = _CONDITIONS,
        initial_delay: float = 0.5,
        max_delay: float = 20,
    ) -> None:
        def check(is_valid: bool, problem: str) -> None:
            if not is_valid:
                raise exceptions.ConfigurationError(f"The retry configuration is invalid: {problem}")

        check(isinstance(max_retries, int) and max_retries >= 0, "max_retries must be 0 or more")
        check(1 <= backoff_factor < float("inf"), "backoff_factor must be 1 or more")
        check(0 <= initial_delay < float("inf"), "initial_delay must not be negative")
        check(0 <= max_delay < float("inf"), "max_delay must not be negative")
        check(not isinstance(retry_on, str), "retry_on must be a list, such as [\"server_error\"]")
        unknown = sorted(set(retry_on) - set(_CONDITIONS))
        check(not unknown, f"retry_on may contain {', '.join(_CONDITIONS)}, and not {', '.join(map(str, unknown))}")
        self.max_retries = max_retries
        self.backoff_factor = backoff_factor
        self.retry_on = tuple(sorted(retry_on))
        self.initial_delay = initial_delay
        self.max_delay = max_delay

    @classmethod
    def none(cls) -> RetryConfiguration:
        """Returns the policy without retries."""
        return cls(max_retries=0)

    def _fields(self) -> dict[str, Any]:
        return {
            "max_retries": self.max_retries,
            "backoff_factor": self.backoff_factor,
            "retry_on": list(self.retry_on),
            "initial_delay": self.initial_delay,
            "max_delay": self.max_delay,
        }

    @complete
    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"RetryConfiguration({fields})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RetryConfiguration):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(repr(self))
