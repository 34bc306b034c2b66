"""Creates the objects of the library from the arguments of a client or a login."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Mapping

from . import _native, exceptions
from .configuration import RetryConfiguration
from .credentials import BuiltInCredentials
from .token import APIToken

if TYPE_CHECKING:
    from datetime import timedelta

_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def _authorities() -> str | None:
    """Returns the system's certificate authorities where the library's own default does not find them."""
    found = next((path for path in _AUTHORITIES if os.path.exists(path)), _AUTHORITIES[0])
    return None if found == _AUTHORITIES[0] else found


_SYSTEM_AUTHORITIES = _authorities()


def open_handle(
    kind: bytes,
    *,
    api_token: str | APIToken | None = None,
    profile: str | None = None,
    project_id: str | None = None,
    api_endpoint: str | None = None,
    credentials: Any = None,
    retry: RetryConfiguration | None = None,
    timeout: float | timedelta | None = None,
    environment: Mapping[str, str] | None = None,
    transport: Any = None,
    has_events: bool = False,
) -> _native.Handle:
    """Creates an object of the library from the arguments of a client."""
    arguments: dict[str, Any] = {}
    try:
        if api_token is not None:
            arguments["api_token"] = (
                api_token.reveal() if isinstance(api_token, APIToken) else _text("api_token", api_token)
            )
        if profile is not None:
            arguments["profile"] = _text("profile", profile)
        if project_id is not None:
            arguments["project_id"] = _text("project_id", project_id)
        if api_endpoint is not None:
            arguments["api_endpoint"] = _text("api_endpoint", api_endpoint)
        if credentials is not None:
            if api_token is not None or profile is not None:
                raise exceptions.ConfigurationError("Pass only one of credentials=, api_token= and profile=")
            arguments["credentials"] = (
                credentials._fields if isinstance(credentials, BuiltInCredentials) else {"kind": "caller"}
            )
        if retry is not None:
            arguments["retry"] = retry._fields()
        if timeout is not None:
            arguments["timeout"] = _seconds(timeout)
        if environment is not None:
            arguments["environment"] = dict(environment)
        if transport is not None:
            arguments["transport"] = True
        if has_events:
            arguments["events"] = True
        if _SYSTEM_AUTHORITIES is not None:
            arguments["certificate_authorities"] = _SYSTEM_AUTHORITIES
        return _native.Handle(kind, _native.encode(arguments))
    finally:
        # Debuggers and error reports show the variables of each frame, and a token may be in any of these.
        arguments = {}
        api_token = profile = project_id = api_endpoint = environment = None


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        kind, value = type(value).__name__, None
        raise exceptions.ConfigurationError(f"{name}= must be a str, and not {kind}")
    return value


def _seconds(timeout: Any) -> float:
    if isinstance(timeout, bool) or not (isinstance(timeout, (int, float)) or hasattr(timeout, "total_seconds")):
        raise exceptions.ConfigurationError(
            f"timeout= must be a number of seconds or a timedelta, and not {type(timeout).__name__}"
        )
    try:
        seconds = float(timeout if isinstance(timeout, (int, float)) else timeout.total_seconds())
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise exceptions.ConfigurationError(f"timeout= must be a finite number of seconds, and not {seconds}")
    return seconds
