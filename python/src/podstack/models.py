"""The models of the API: frozen, typed objects that never contain a secret in their text.

Times are `datetime` in UTC. This file is written by tools/generate_models.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Sequence

from ._model import Model, as_text, as_time

__all__ = [
    "AuditEvent",
    "Invitation",
    "Member",
    "MissingPermission",
    "Permission",
    "Project",
    "Token",
    "User",
]


class Token(Model):
    """An API token as the service returns it: everything but its secret.

    Args:
        id: The ID: 8 lowercase Crockford base32 characters.
        name: The name, 1 to 100 characters.
        prefix: `podstack_` and the ID: the only part of a token that is ever displayed or logged.
        scopes: The permissions: `resource:action`, `resource:*` or `*`.
        project_ids: The IDs of the projects that the token is limited to; None for all projects.
        created_at: The time of creation.
        expires_at: The time from which the token is rejected; None if it never expires.
        last_used_at: The time of the last request with the token; None if there was none.
        generation: The number of the secret: 1 at first, and one more with each rotated secret.
        rotate_by: The time by which the token should be rotated: 90 days after its secret was generated.
        status: The state: `active`, `expired` or `revoked`.
        revoked_at: The time of revocation; None if the token is not revoked.
    """

    __slots__ = ()
    _fields = ("id", "name", "prefix", "scopes", "project_ids", "created_at", "expires_at", "last_used_at", "generation", "rotate_by", "status", "revoked_at",)

    def __init__(
        self,
        *,
        id: str,
        name: str,
        prefix: str,
        scopes: Sequence[str],
        created_at: datetime,
        generation: int,
        project_ids: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        last_used_at: datetime | None = None,
        rotate_by: datetime | None = None,
        status: str | None = None,
        revoked_at: datetime | None = None,
    ) -> None:
        self._init(
            {
                "id": id,
                "name": name,
                "prefix": prefix,
                "scopes": list(scopes),
                "project_ids": None if project_ids is None else list(project_ids),
                "created_at": as_text(created_at),
                "expires_at": as_text(expires_at),
                "last_used_at": as_text(last_used_at),
                "generation": generation,
                "rotate_by": as_text(rotate_by),
                "status": status,
                "revoked_at": as_text(revoked_at),
            }
        )

    @property
    def id(self) -> str:
        """The ID: 8 lowercase Crockford base32 characters."""
        value: str = self._values["id"]
        return value

    @property
    def name(self) -> str:
        """The name, 1 to 100 characters."""
        value: str = self._values["name"]
        return value

    @property
    def prefix(self) -> str:
        """`podstack_` and the ID: the only part of a token that is ever displayed or logged."""
        value: str = self._values["prefix"]
        return value

    @property
    def scopes(self) -> tuple[str, ...]:
        """The permissions: `resource:action`, `resource:*` or `*`."""
        return tuple(self._values["scopes"])

    @property
    def project_ids(self) -> tuple[str, ...] | None:
        """The IDs of the projects that the token is limited to; None for all projects."""
        texts = self._values.get("project_ids")
        return None if texts is None else tuple(texts)

    @property
    def created_at(self) -> datetime:
        """The time of creation."""
        return as_time(self._values["created_at"])

    @property
    def expires_at(self) -> datetime | None:
        """The time from which the token is rejected; None if it never expires."""
        text = self._values.get("expires_at")
        return None if text is None else as_time(text)

    @property
    def last_used_at(self) -> datetime | None:
        """The time of the last request with the token; None if there was none."""
        text = self._values.get("last_used_at")
        return None if text is None else as_time(text)

    @property
    def generation(self) -> int:
        """The number of the secret: 1 at first, and one more with each rotated secret."""
        value: int = self._values["generation"]
        return value

    @property
    def rotate_by(self) -> datetime | None:
        """The time by which the token should be rotated: 90 days after its secret was generated."""
        text = self._values.get("rotate_by")
        return None if text is None else as_time(text)

    @property
    def status(self) -> str | None:
        """The state: `active`, `expired` or `revoked`."""
        value: str | None = self._values.get("status")
        return value

    @property
    def revoked_at(self) -> datetime | None:
        """The time of revocation; None if the token is not revoked."""
        text = self._values.get("revoked_at")
        return None if text is None else as_time(text)


class User(Model):
    """The user that a token belongs to: the result of `client.auth.whoami()`.

    Args:
        id: The ID: `usr_` and 20 base62 characters.
        email: The email address.
        name: The name; None if the user set none.
        account_id: The ID of the user's account: `acc_` and 20 base62 characters.
        created_at: The time at which the user was created.
        token: The token that the request was sent with.
        default_project_id: The ID of the project that requests without a project use.
    """

    __slots__ = ()
    _fields = ("id", "email", "name", "account_id", "created_at", "token", "default_project_id",)

    def __init__(
        self,
        *,
        id: str,
        email: str,
        name: str | None = None,
        account_id: str | None = None,
        created_at: datetime | None = None,
        token: Token | None = None,
        default_project_id: str | None = None,
    ) -> None:
        self._init(
            {
                "id": id,
                "email": email,
                "name": name,
                "account_id": account_id,
                "created_at": as_text(created_at),
                "token": None if token is None else token._values,
                "default_project_id": default_project_id,
            }
        )

    @property
    def id(self) -> str:
        """The ID: `usr_` and 20 base62 characters."""
        value: str = self._values["id"]
        return value

    @property
    def email(self) -> str:
        """The email address."""
        value: str = self._values["email"]
        return value

    @property
    def name(self) -> str | None:
        """The name; None if the user set none."""
        value: str | None = self._values.get("name")
        return value

    @property
    def account_id(self) -> str | None:
        """The ID of the user's account: `acc_` and 20 base62 characters."""
        value: str | None = self._values.get("account_id")
        return value

    @property
    def created_at(self) -> datetime | None:
        """The time at which the user was created."""
        text = self._values.get("created_at")
        return None if text is None else as_time(text)

    @property
    def token(self) -> Token | None:
        """The token that the request was sent with."""
        values = self._values.get("token")
        return None if values is None else Token._from(values)

    @property
    def default_project_id(self) -> str | None:
        """The ID of the project that requests without a project use."""
        value: str | None = self._values.get("default_project_id")
        return value


class MissingPermission(Model):
    """A reason why an action is not allowed.

    Args:
        code: The kind of reason: `insufficient_scope`, `project_forbidden` or `member_forbidden`.
        message: The reason as a sentence.
    """

    __slots__ = ()
    _fields = ("code", "message",)

    def __init__(
        self,
        *,
        code: str,
        message: str,
    ) -> None:
        self._init(
            {
                "code": code,
                "message": message,
            }
        )

    @property
    def code(self) -> str:
        """The kind of reason: `insufficient_scope`, `project_forbidden` or `member_forbidden`."""
        value: str = self._values["code"]
        return value

    @property
    def message(self) -> str:
        """The reason as a sentence."""
        value: str = self._values["message"]
        return value


class Permission(Model):
    """Whether a token may perform an action, and what it lacks.

    Args:
        scope: The scope that the request asked about, such as `projects:create`.
        project_id: The ID of the project that the request asked about; None if it named none.
        allowed: Whether the action is allowed.
        missing: The reasons why the action is not allowed; empty if it is.
    """

    __slots__ = ()
    _fields = ("scope", "project_id", "allowed", "missing",)

    def __init__(
        self,
        *,
        scope: str,
        allowed: bool,
        missing: tuple[MissingPermission, ...],
        project_id: str | None = None,
    ) -> None:
        self._init(
            {
                "scope": scope,
                "project_id": project_id,
                "allowed": allowed,
                "missing": [item._values for item in missing],
            }
        )

    @property
    def scope(self) -> str:
        """The scope that the request asked about, such as `projects:create`."""
        value: str = self._values["scope"]
        return value

    @property
    def project_id(self) -> str | None:
        """The ID of the project that the request asked about; None if it named none."""
        value: str | None = self._values.get("project_id")
        return value

    @property
    def allowed(self) -> bool:
        """Whether the action is allowed."""
        value: bool = self._values["allowed"]
        return value

    @property
    def missing(self) -> tuple[MissingPermission, ...]:
        """The reasons why the action is not allowed; empty if it is."""
        return tuple(MissingPermission._from(item) for item in self._values["missing"])


class Project(Model):
    """A project: a group of pods, volumes and members.

    Args:
        id: The ID: `prj_` and 20 base62 characters.
        name: The name.
        description: The description; None if there is none.
        created_at: The time of creation.
        role: The caller's role in the project: `admin` or `user`.
        permissions: The permissions of a caller with the role `user`; an admin has all.
        is_default: Whether the caller's requests without a project use this one.
    """

    __slots__ = ()
    _fields = ("id", "name", "description", "created_at", "role", "permissions", "is_default",)

    def __init__(
        self,
        *,
        id: str,
        name: str,
        created_at: datetime,
        description: str | None = None,
        role: str | None = None,
        permissions: Sequence[str] | None = None,
        is_default: bool | None = None,
    ) -> None:
        self._init(
            {
                "id": id,
                "name": name,
                "description": description,
                "created_at": as_text(created_at),
                "role": role,
                "permissions": None if permissions is None else list(permissions),
                "is_default": is_default,
            }
        )

    @property
    def id(self) -> str:
        """The ID: `prj_` and 20 base62 characters."""
        value: str = self._values["id"]
        return value

    @property
    def name(self) -> str:
        """The name."""
        value: str = self._values["name"]
        return value

    @property
    def description(self) -> str | None:
        """The description; None if there is none."""
        value: str | None = self._values.get("description")
        return value

    @property
    def created_at(self) -> datetime:
        """The time of creation."""
        return as_time(self._values["created_at"])

    @property
    def role(self) -> str | None:
        """The caller's role in the project: `admin` or `user`."""
        value: str | None = self._values.get("role")
        return value

    @property
    def permissions(self) -> tuple[str, ...] | None:
        """The permissions of a caller with the role `user`; an admin has all."""
        texts = self._values.get("permissions")
        return None if texts is None else tuple(texts)

    @property
    def is_default(self) -> bool | None:
        """Whether the caller's requests without a project use this one."""
        value: bool | None = self._values.get("is_default")
        return value


class Member(Model):
    """A user's membership in a project.

    Args:
        user_id: The user's ID: `usr_` and 20 base62 characters.
        email: The user's email address.
        name: The user's name; None if the user set none.
        role: The role: `admin` or `user`.
        permissions: The permissions of a `user`; an admin has all.
        status: The state: `active`, `deactivated`, or `invited` until the user accepts.
        added_at: The time at which the member was added or, if not yet a member, invited.
    """

    __slots__ = ()
    _fields = ("user_id", "email", "name", "role", "permissions", "status", "added_at",)

    def __init__(
        self,
        *,
        user_id: str,
        email: str,
        role: str,
        permissions: Sequence[str],
        status: str,
        added_at: datetime,
        name: str | None = None,
    ) -> None:
        self._init(
            {
                "user_id": user_id,
                "email": email,
                "name": name,
                "role": role,
                "permissions": list(permissions),
                "status": status,
                "added_at": as_text(added_at),
            }
        )

    @property
    def user_id(self) -> str:
        """The user's ID: `usr_` and 20 base62 characters."""
        value: str = self._values["user_id"]
        return value

    @property
    def email(self) -> str:
        """The user's email address."""
        value: str = self._values["email"]
        return value

    @property
    def name(self) -> str | None:
        """The user's name; None if the user set none."""
        value: str | None = self._values.get("name")
        return value

    @property
    def role(self) -> str:
        """The role: `admin` or `user`."""
        value: str = self._values["role"]
        return value

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions of a `user`; an admin has all."""
        return tuple(self._values["permissions"])

    @property
    def status(self) -> str:
        """The state: `active`, `deactivated`, or `invited` until the user accepts."""
        value: str = self._values["status"]
        return value

    @property
    def added_at(self) -> datetime:
        """The time at which the member was added or, if not yet a member, invited."""
        return as_time(self._values["added_at"])


class Invitation(Model):
    """An invitation to a project, which its user accepts or declines.

    Args:
        project_id: The project's ID: `prj_` and 20 base62 characters.
        project_name: The project's name.
        role: The role that the user will have: `admin` or `user`.
        permissions: The permissions that a `user` will have; an admin has all.
        invited_by: The email address of the user who invited.
        created_at: The time at which the user was invited.
        expires_at: The time at which the invitation expires.
    """

    __slots__ = ()
    _fields = ("project_id", "project_name", "role", "permissions", "invited_by", "created_at", "expires_at",)

    def __init__(
        self,
        *,
        project_id: str,
        project_name: str,
        role: str,
        permissions: Sequence[str],
        invited_by: str,
        created_at: datetime,
        expires_at: datetime,
    ) -> None:
        self._init(
            {
                "project_id": project_id,
                "project_name": project_name,
                "role": role,
                "permissions": list(permissions),
                "invited_by": invited_by,
                "created_at": as_text(created_at),
                "expires_at": as_text(expires_at),
            }
        )

    @property
    def project_id(self) -> str:
        """The project's ID: `prj_` and 20 base62 characters."""
        value: str = self._values["project_id"]
        return value

    @property
    def project_name(self) -> str:
        """The project's name."""
        value: str = self._values["project_name"]
        return value

    @property
    def role(self) -> str:
        """The role that the user will have: `admin` or `user`."""
        value: str = self._values["role"]
        return value

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that a `user` will have; an admin has all."""
        return tuple(self._values["permissions"])

    @property
    def invited_by(self) -> str:
        """The email address of the user who invited."""
        value: str = self._values["invited_by"]
        return value

    @property
    def created_at(self) -> datetime:
        """The time at which the user was invited."""
        return as_time(self._values["created_at"])

    @property
    def expires_at(self) -> datetime:
        """The time at which the invitation expires."""
        return as_time(self._values["expires_at"])


class AuditEvent(Model):
    """An entry of the audit log: one change, and the user and token behind it.

    Args:
        id: The ID: `evt_` and 20 base62 characters.
        created_at: The time of the change.
        action: The action, such as `create`, `token_created` or `member_removed`.
        resource_type: The kind of resource that changed: `project`, `token`, `member` or `user`.
        resource_id: The ID of the resource.
        resource_name: The name of the resource at that time.
        project_id: The ID of the project that the resource belongs to.
        user_id: The ID of the user that made the change; None for the operator of the service.
        user_email: The email address of the user.
        token_id: The ID of the token that the request was sent with.
        ip_address: The address that the request came from.
        user_agent: The request's `User-Agent` header.
        details: Further values, such as the `old` and `new` value of a change; never a secret.
    """

    __slots__ = ()
    _fields = ("id", "created_at", "action", "resource_type", "resource_id", "resource_name", "project_id", "user_id", "user_email", "token_id", "ip_address", "user_agent", "details",)

    def __init__(
        self,
        *,
        id: str,
        created_at: datetime,
        action: str,
        resource_type: str,
        resource_id: str | None = None,
        resource_name: str | None = None,
        project_id: str | None = None,
        user_id: str | None = None,
        user_email: str | None = None,
        token_id: str | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        self._init(
            {
                "id": id,
                "created_at": as_text(created_at),
                "action": action,
                "resource_type": resource_type,
                "resource_id": resource_id,
                "resource_name": resource_name,
                "project_id": project_id,
                "user_id": user_id,
                "user_email": user_email,
                "token_id": token_id,
                "ip_address": ip_address,
                "user_agent": user_agent,
                "details": dict(details or {}),
            }
        )

    @property
    def id(self) -> str:
        """The ID: `evt_` and 20 base62 characters."""
        value: str = self._values["id"]
        return value

    @property
    def created_at(self) -> datetime:
        """The time of the change."""
        return as_time(self._values["created_at"])

    @property
    def action(self) -> str:
        """The action, such as `create`, `token_created` or `member_removed`."""
        value: str = self._values["action"]
        return value

    @property
    def resource_type(self) -> str:
        """The kind of resource that changed: `project`, `token`, `member` or `user`."""
        value: str = self._values["resource_type"]
        return value

    @property
    def resource_id(self) -> str | None:
        """The ID of the resource."""
        value: str | None = self._values.get("resource_id")
        return value

    @property
    def resource_name(self) -> str | None:
        """The name of the resource at that time."""
        value: str | None = self._values.get("resource_name")
        return value

    @property
    def project_id(self) -> str | None:
        """The ID of the project that the resource belongs to."""
        value: str | None = self._values.get("project_id")
        return value

    @property
    def user_id(self) -> str | None:
        """The ID of the user that made the change; None for the operator of the service."""
        value: str | None = self._values.get("user_id")
        return value

    @property
    def user_email(self) -> str | None:
        """The email address of the user."""
        value: str | None = self._values.get("user_email")
        return value

    @property
    def token_id(self) -> str | None:
        """The ID of the token that the request was sent with."""
        value: str | None = self._values.get("token_id")
        return value

    @property
    def ip_address(self) -> str | None:
        """The address that the request came from."""
        value: str | None = self._values.get("ip_address")
        return value

    @property
    def user_agent(self) -> str | None:
        """The request's `User-Agent` header."""
        value: str | None = self._values.get("user_agent")
        return value

    @property
    def details(self) -> dict[str, Any]:
        """Further values, such as the `old` and `new` value of a change; never a secret."""
        return dict(self._values.get("details") or {})
