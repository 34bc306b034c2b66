"""The file `~/.podstack/credentials`: profiles, each with a token and settings."""

from __future__ import annotations

import os
from typing import Any, Mapping

from . import _native
from .token import APIToken

__all__ = ["CredentialsFile"]

_SECRETS = ("api_token", "pending_api_token")


class CredentialsFile:
    """A credentials file.

    ```python
    file = CredentialsFile()
    file.set("production", "api_token", token)
    file.save()
    ```

    `save()` reads the file again under a lock and repeats the changes there, so that concurrent writers lose nothing.
    Comments, order and unknown keys are preserved.

    Args:
        path: The path; None for `PODSTACK_CREDENTIALS_FILE`, else `~/.podstack/credentials`. A file that does not exist
            has no profiles.

    Raises:
        ConfigurationError: The file cannot be read or parsed.
    """

    __slots__ = ("_changes", "_profiles", "path")

    path: str
    """The path of the file."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = default_path() if path is None else os.fspath(path)
        self._changes: list[dict[str, Any]] = []
        self._profiles: dict[str, dict[str, str]] = {}
        self._read()

    def _read(self) -> None:
        values = _native.function(b"credentials_file.read", {"path": self.path})
        self._profiles = {profile["name"]: profile["values"] for profile in values["profiles"]}

    @property
    def profile_names(self) -> list[str]:
        """The names of the profiles, in the order of the file."""
        return list(self._profiles)

    def value(self, profile: str, key: str) -> str | APIToken | None:
        """Returns the value of a key in a profile; None when either does not exist.

        Args:
            profile: The name of the profile.
            key: The key, such as `project_id`. The value of `api_token` is an `APIToken`.
        """
        value = self._profiles.get(profile, {}).get(key)
        return APIToken(value) if value is not None and key in _SECRETS else value

    def set(self, profile: str, key: str, value: str | APIToken) -> None:
        """Sets a key of a profile, and creates the profile if it does not exist.

        Args:
            profile: The name of the profile.
            key: The key: `api_token`, `project_id`, `api_endpoint`, `credential_process` or `credential_store_process`.
            value: The new value.
        """
        text = value.reveal() if isinstance(value, APIToken) else value
        self._changes.append({"profile": profile, "key": key, "value": text})
        self._profiles.setdefault(profile, {})[key] = text

    def remove(self, profile: str, key: str | None = None) -> None:
        """Removes a key from a profile, or the whole profile.

        Args:
            profile: The name of the profile.
            key: The key; None removes the profile and everything in it.
        """
        self._changes.append({"profile": profile, "key": key})
        if key is None:
            self._profiles.pop(profile, None)
        else:
            self._profiles.get(profile, {}).pop(key, None)

    def save(self) -> None:
        """Writes the changes, completely or not at all, to a file that only its owner can read.

        Raises:
            ConfigurationError: The file cannot be written, or a value cannot be represented in it. Then it stays as it
                was.
        """
        _native.function(b"credentials_file.save", {"path": self.path, "changes": self._changes})
        self._changes = []
        self._read()

    def __repr__(self) -> str:
        return f"CredentialsFile({self.path!r})"


def default_path(environment: Mapping[str, str] | None = None) -> str:
    """Returns the path of the credentials file.

    Args:
        environment: The variables to read instead of those of the process.

    Raises:
        ConfigurationError: There is no home directory.
    """
    arguments = {"environment": None if environment is None else dict(environment)}
    path: str = _native.function(b"credentials_file.path", arguments)["path"]
    return path
