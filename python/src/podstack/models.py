"""The models of the API: frozen, typed objects that never contain a secret in their text.

Times are `datetime` in UTC, and amounts of money `Decimal`. This file is written by tools/generate_models.py.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Mapping, Sequence

from ._model import Model, as_amount, as_number, as_text, as_time

__all__ = [
    "AuditEvent",
    "Creator",
    "GPU",
    "Invitation",
    "Member",
    "MissingPermission",
    "Permission",
    "Pod",
    "PodEvent",
    "PodExecResult",
    "PodLimits",
    "PodMetrics",
    "PodPort",
    "Project",
    "SpendLimit",
    "Token",
    "Usage",
    "UsageRow",
    "User",
    "Volume",
    "VolumeMount",
    "Wallet",
]


class SpendLimit(Model):
    """The most that the pods of a token or a project may cost in a period; it is also their budget.

    Args:
        amount: The amount.
        period: The period after which the sum starts again: `day`, `month` or `total`.
    """

    __slots__ = ()
    _fields = ("amount", "period",)

    def __init__(
        self,
        *,
        amount: Decimal | float,
        period: str,
    ) -> None:
        self._init(
            {
                "amount": as_number(amount),
                "period": period,
            }
        )

    @property
    def amount(self) -> Decimal:
        """The amount."""
        return as_amount(self._values["amount"])

    @property
    def period(self) -> str:
        """The period after which the sum starts again: `day`, `month` or `total`."""
        value: str = self._values["period"]
        return value


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
        spend_limit: The most that pods which the token starts may cost; None for no limit.
    """

    __slots__ = ()
    _fields = ("id", "name", "prefix", "scopes", "project_ids", "created_at", "expires_at", "last_used_at", "generation", "rotate_by", "status", "revoked_at", "spend_limit",)

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
        spend_limit: SpendLimit | None = None,
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
                "spend_limit": None if spend_limit is None else spend_limit._values,
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

    @property
    def spend_limit(self) -> SpendLimit | None:
        """The most that pods which the token starts may cost; None for no limit."""
        values = self._values.get("spend_limit")
        return None if values is None else SpendLimit._from(values)


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
        missing: Sequence[MissingPermission],
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
        spend_limit: The most that the pods of the project may cost; None for no limit.
    """

    __slots__ = ()
    _fields = ("id", "name", "description", "created_at", "role", "permissions", "is_default", "spend_limit",)

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
        spend_limit: SpendLimit | None = None,
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
                "spend_limit": None if spend_limit is None else spend_limit._values,
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

    @property
    def spend_limit(self) -> SpendLimit | None:
        """The most that the pods of the project may cost; None for no limit."""
        values = self._values.get("spend_limit")
        return None if values is None else SpendLimit._from(values)


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


class PodPort(Model):
    """A port that a pod publishes.

    Args:
        container_port: The port inside the pod, 1 to 65535.
        address: The address and port that reach it, such as `127.0.0.1:49153`; None while the pod does not run.
    """

    __slots__ = ()
    _fields = ("container_port", "address",)

    def __init__(
        self,
        *,
        container_port: int,
        address: str | None = None,
    ) -> None:
        self._init(
            {
                "container_port": container_port,
                "address": address,
            }
        )

    @property
    def container_port(self) -> int:
        """The port inside the pod, 1 to 65535."""
        value: int = self._values["container_port"]
        return value

    @property
    def address(self) -> str | None:
        """The address and port that reach it, such as `127.0.0.1:49153`; None while the pod does not run."""
        value: str | None = self._values.get("address")
        return value


class VolumeMount(Model):
    """A volume and the directory at which a pod mounts it.

    Args:
        volume_id: The ID of the volume.
        mount_path: The absolute path of the directory.
    """

    __slots__ = ()
    _fields = ("volume_id", "mount_path",)

    def __init__(
        self,
        *,
        volume_id: str,
        mount_path: str,
    ) -> None:
        self._init(
            {
                "volume_id": volume_id,
                "mount_path": mount_path,
            }
        )

    @property
    def volume_id(self) -> str:
        """The ID of the volume."""
        value: str = self._values["volume_id"]
        return value

    @property
    def mount_path(self) -> str:
        """The absolute path of the directory."""
        value: str = self._values["mount_path"]
        return value


class PodLimits(Model):
    """The limits of a pod's time and cost. A pod that reaches one is stopped or deleted within five seconds.

    Args:
        stop_after: The seconds after the start at which the pod is stopped; None for no limit.
        delete_after: The seconds after the start at which the pod is deleted; None for no limit.
        max_cost: The cost at which the pod is stopped; None for no limit.
    """

    __slots__ = ()
    _fields = ("stop_after", "delete_after", "max_cost",)

    def __init__(
        self,
        *,
        stop_after: int | None = None,
        delete_after: int | None = None,
        max_cost: Decimal | float | None = None,
    ) -> None:
        self._init(
            {
                "stop_after": stop_after,
                "delete_after": delete_after,
                "max_cost": as_number(max_cost),
            }
        )

    @property
    def stop_after(self) -> int | None:
        """The seconds after the start at which the pod is stopped; None for no limit."""
        value: int | None = self._values.get("stop_after")
        return value

    @property
    def delete_after(self) -> int | None:
        """The seconds after the start at which the pod is deleted; None for no limit."""
        value: int | None = self._values.get("delete_after")
        return value

    @property
    def max_cost(self) -> Decimal | None:
        """The cost at which the pod is stopped; None for no limit."""
        number = self._values.get("max_cost")
        return None if number is None else as_amount(number)


class Creator(Model):
    """The user and the token that created a pod or a volume.

    Args:
        user_id: The ID of the user.
        email: The user's email address; None if the user no longer exists.
        token_id: The ID of the token; None if the user created it in the dashboard.
    """

    __slots__ = ()
    _fields = ("user_id", "email", "token_id",)

    def __init__(
        self,
        *,
        user_id: str,
        email: str | None = None,
        token_id: str | None = None,
    ) -> None:
        self._init(
            {
                "user_id": user_id,
                "email": email,
                "token_id": token_id,
            }
        )

    @property
    def user_id(self) -> str:
        """The ID of the user."""
        value: str = self._values["user_id"]
        return value

    @property
    def email(self) -> str | None:
        """The user's email address; None if the user no longer exists."""
        value: str | None = self._values.get("email")
        return value

    @property
    def token_id(self) -> str | None:
        """The ID of the token; None if the user created it in the dashboard."""
        value: str | None = self._values.get("token_id")
        return value


class Pod(Model):
    """A pod: a container, with or without GPUs, in a project.

    Args:
        id: The ID: `pod_` and 20 base62 characters.
        name: The name, which is unique in the project.
        project_id: The ID of the project.
        image: The image, such as `ubuntu:24.04`.
        gpu_type: The type of the GPUs, such as `A100`; None for a pod without GPUs.
        gpu_count: The number of GPUs; 0 for a pod without GPUs.
        cpu: The number of CPU cores.
        memory: The memory in gibibytes.
        disk: The disk in gibibytes.
        ports: The ports that the pod publishes.
        env: The names of the environment variables. The API never returns their values.
        command: The command line; None for the image's own.
        volumes: The volumes that the pod mounts.
        labels: The labels.
        status: The state: `creating`, `pending`, `running`, `stopping`, `stopped`, `failed` or `terminated`.
        status_reason: The reason for the state, such as why the image could not be pulled.
        node: The machine that the pod runs on; None before it is chosen.
        created_at: The time of creation.
        started_at: The time of the latest start; None if the pod has never run.
        finished_at: The time at which the latest run ended; None while the pod runs.
        exit_code: The exit code of the latest run; None while the pod runs.
        price_per_hour: The price of an hour in which the pod runs.
        cost: The cost so far.
        limits: The limits of the pod's time and cost.
        token_scopes: The scopes of the pod's own token; None if it has none.
        created_by: The user and the token that created the pod.
        stale: Whether the engine is unreachable, so that the state may be older.
    """

    __slots__ = ()
    _fields = ("id", "name", "project_id", "image", "gpu_type", "gpu_count", "cpu", "memory", "disk", "ports", "env", "command", "volumes", "labels", "status", "status_reason", "node", "created_at", "started_at", "finished_at", "exit_code", "price_per_hour", "cost", "limits", "token_scopes", "created_by", "stale",)

    def __init__(
        self,
        *,
        id: str,
        name: str,
        project_id: str,
        image: str,
        gpu_count: int,
        cpu: float,
        memory: int,
        disk: int,
        ports: Sequence[PodPort],
        env: Sequence[str],
        volumes: Sequence[VolumeMount],
        labels: Mapping[str, str],
        status: str,
        created_at: datetime,
        price_per_hour: Decimal | float,
        cost: Decimal | float,
        limits: PodLimits,
        created_by: Creator,
        stale: bool,
        gpu_type: str | None = None,
        command: str | None = None,
        status_reason: str | None = None,
        node: str | None = None,
        started_at: datetime | None = None,
        finished_at: datetime | None = None,
        exit_code: int | None = None,
        token_scopes: Sequence[str] | None = None,
    ) -> None:
        self._init(
            {
                "id": id,
                "name": name,
                "project_id": project_id,
                "image": image,
                "gpu_type": gpu_type,
                "gpu_count": gpu_count,
                "cpu": cpu,
                "memory": memory,
                "disk": disk,
                "ports": [item._values for item in ports],
                "env": list(env),
                "command": command,
                "volumes": [item._values for item in volumes],
                "labels": dict(labels),
                "status": status,
                "status_reason": status_reason,
                "node": node,
                "created_at": as_text(created_at),
                "started_at": as_text(started_at),
                "finished_at": as_text(finished_at),
                "exit_code": exit_code,
                "price_per_hour": as_number(price_per_hour),
                "cost": as_number(cost),
                "limits": limits._values,
                "token_scopes": None if token_scopes is None else list(token_scopes),
                "created_by": created_by._values,
                "stale": stale,
            }
        )

    @property
    def id(self) -> str:
        """The ID: `pod_` and 20 base62 characters."""
        value: str = self._values["id"]
        return value

    @property
    def name(self) -> str:
        """The name, which is unique in the project."""
        value: str = self._values["name"]
        return value

    @property
    def project_id(self) -> str:
        """The ID of the project."""
        value: str = self._values["project_id"]
        return value

    @property
    def image(self) -> str:
        """The image, such as `ubuntu:24.04`."""
        value: str = self._values["image"]
        return value

    @property
    def gpu_type(self) -> str | None:
        """The type of the GPUs, such as `A100`; None for a pod without GPUs."""
        value: str | None = self._values.get("gpu_type")
        return value

    @property
    def gpu_count(self) -> int:
        """The number of GPUs; 0 for a pod without GPUs."""
        value: int = self._values["gpu_count"]
        return value

    @property
    def cpu(self) -> float:
        """The number of CPU cores."""
        return float(self._values["cpu"])

    @property
    def memory(self) -> int:
        """The memory in gibibytes."""
        value: int = self._values["memory"]
        return value

    @property
    def disk(self) -> int:
        """The disk in gibibytes."""
        value: int = self._values["disk"]
        return value

    @property
    def ports(self) -> tuple[PodPort, ...]:
        """The ports that the pod publishes."""
        return tuple(PodPort._from(item) for item in self._values["ports"])

    @property
    def env(self) -> tuple[str, ...]:
        """The names of the environment variables. The API never returns their values."""
        return tuple(self._values["env"])

    @property
    def command(self) -> str | None:
        """The command line; None for the image's own."""
        value: str | None = self._values.get("command")
        return value

    @property
    def volumes(self) -> tuple[VolumeMount, ...]:
        """The volumes that the pod mounts."""
        return tuple(VolumeMount._from(item) for item in self._values["volumes"])

    @property
    def labels(self) -> dict[str, str]:
        """The labels."""
        return dict(self._values["labels"])

    @property
    def status(self) -> str:
        """The state: `creating`, `pending`, `running`, `stopping`, `stopped`, `failed` or `terminated`."""
        value: str = self._values["status"]
        return value

    @property
    def status_reason(self) -> str | None:
        """The reason for the state, such as why the image could not be pulled."""
        value: str | None = self._values.get("status_reason")
        return value

    @property
    def node(self) -> str | None:
        """The machine that the pod runs on; None before it is chosen."""
        value: str | None = self._values.get("node")
        return value

    @property
    def created_at(self) -> datetime:
        """The time of creation."""
        return as_time(self._values["created_at"])

    @property
    def started_at(self) -> datetime | None:
        """The time of the latest start; None if the pod has never run."""
        text = self._values.get("started_at")
        return None if text is None else as_time(text)

    @property
    def finished_at(self) -> datetime | None:
        """The time at which the latest run ended; None while the pod runs."""
        text = self._values.get("finished_at")
        return None if text is None else as_time(text)

    @property
    def exit_code(self) -> int | None:
        """The exit code of the latest run; None while the pod runs."""
        value: int | None = self._values.get("exit_code")
        return value

    @property
    def price_per_hour(self) -> Decimal:
        """The price of an hour in which the pod runs."""
        return as_amount(self._values["price_per_hour"])

    @property
    def cost(self) -> Decimal:
        """The cost so far."""
        return as_amount(self._values["cost"])

    @property
    def limits(self) -> PodLimits:
        """The limits of the pod's time and cost."""
        return PodLimits._from(self._values["limits"])

    @property
    def token_scopes(self) -> tuple[str, ...] | None:
        """The scopes of the pod's own token; None if it has none."""
        texts = self._values.get("token_scopes")
        return None if texts is None else tuple(texts)

    @property
    def created_by(self) -> Creator:
        """The user and the token that created the pod."""
        return Creator._from(self._values["created_by"])

    @property
    def stale(self) -> bool:
        """Whether the engine is unreachable, so that the state may be older."""
        value: bool = self._values["stale"]
        return value


class PodEvent(Model):
    """An event of a pod, such as its start or the limit that stopped it.

    Args:
        timestamp: The time of the event.
        type: The kind of event.
        message: The event in one sentence.
    """

    __slots__ = ()
    _fields = ("timestamp", "type", "message",)

    def __init__(
        self,
        *,
        timestamp: datetime,
        type: str,
        message: str,
    ) -> None:
        self._init(
            {
                "timestamp": as_text(timestamp),
                "type": type,
                "message": message,
            }
        )

    @property
    def timestamp(self) -> datetime:
        """The time of the event."""
        return as_time(self._values["timestamp"])

    @property
    def type(self) -> str:
        """The kind of event."""
        value: str = self._values["type"]
        return value

    @property
    def message(self) -> str:
        """The event in one sentence."""
        value: str = self._values["message"]
        return value


class PodMetrics(Model):
    """The latest measurement of a pod that runs.

    Args:
        timestamp: The time of the measurement.
        gpu_utilization: The use of the GPUs in percent, 0 to 100; None if the engine does not measure it.
        gpu_memory_used: The used memory of all GPUs in bytes; None if the engine does not measure it.
        gpu_memory_total: The memory of all GPUs in bytes; None if the engine does not measure it.
        cpu_usage: The use of the CPU in percent of one core: 250 for two and a half cores.
        memory_used: The used memory in bytes.
        memory_total: The memory that the pod may use in bytes.
    """

    __slots__ = ()
    _fields = ("timestamp", "gpu_utilization", "gpu_memory_used", "gpu_memory_total", "cpu_usage", "memory_used", "memory_total",)

    def __init__(
        self,
        *,
        timestamp: datetime,
        cpu_usage: float,
        memory_used: int,
        memory_total: int,
        gpu_utilization: float | None = None,
        gpu_memory_used: int | None = None,
        gpu_memory_total: int | None = None,
    ) -> None:
        self._init(
            {
                "timestamp": as_text(timestamp),
                "gpu_utilization": gpu_utilization,
                "gpu_memory_used": gpu_memory_used,
                "gpu_memory_total": gpu_memory_total,
                "cpu_usage": cpu_usage,
                "memory_used": memory_used,
                "memory_total": memory_total,
            }
        )

    @property
    def timestamp(self) -> datetime:
        """The time of the measurement."""
        return as_time(self._values["timestamp"])

    @property
    def gpu_utilization(self) -> float | None:
        """The use of the GPUs in percent, 0 to 100; None if the engine does not measure it."""
        number = self._values.get("gpu_utilization")
        return None if number is None else float(number)

    @property
    def gpu_memory_used(self) -> int | None:
        """The used memory of all GPUs in bytes; None if the engine does not measure it."""
        value: int | None = self._values.get("gpu_memory_used")
        return value

    @property
    def gpu_memory_total(self) -> int | None:
        """The memory of all GPUs in bytes; None if the engine does not measure it."""
        value: int | None = self._values.get("gpu_memory_total")
        return value

    @property
    def cpu_usage(self) -> float:
        """The use of the CPU in percent of one core: 250 for two and a half cores."""
        return float(self._values["cpu_usage"])

    @property
    def memory_used(self) -> int:
        """The used memory in bytes."""
        value: int = self._values["memory_used"]
        return value

    @property
    def memory_total(self) -> int:
        """The memory that the pod may use in bytes."""
        value: int = self._values["memory_total"]
        return value


class PodExecResult(Model):
    """The result of a command in a pod.

    Args:
        exit_code: The exit code of the command.
        stdout: The output of the command, also named `output`.
        stderr: The error output of the command, also named `error`.
        truncated: Whether output beyond the limit of 1 MiB was dropped.
    """

    __slots__ = ()
    _fields = ("exit_code", "stdout", "stderr", "truncated",)

    def __init__(
        self,
        *,
        exit_code: int,
        stdout: str,
        stderr: str,
        truncated: bool,
    ) -> None:
        self._init(
            {
                "exit_code": exit_code,
                "stdout": stdout,
                "stderr": stderr,
                "truncated": truncated,
            }
        )

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        value: int = self._values["exit_code"]
        return value

    @property
    def stdout(self) -> str:
        """The output of the command, also named `output`."""
        value: str = self._values["stdout"]
        return value

    @property
    def stderr(self) -> str:
        """The error output of the command, also named `error`."""
        value: str = self._values["stderr"]
        return value

    @property
    def truncated(self) -> bool:
        """Whether output beyond the limit of 1 MiB was dropped."""
        value: bool = self._values["truncated"]
        return value

    @property
    def output(self) -> str:
        """The output of the command, also named `stdout`."""
        return self.stdout

    @property
    def error(self) -> str:
        """The error output of the command, also named `stderr`."""
        return self.stderr


class GPU(Model):
    """A type of GPU with its availability and price.

    Args:
        type: The type, such as `A100`.
        memory: The memory of one GPU in gigabytes; None if it is not known.
        total: The number of GPUs of this type.
        available: The number of GPUs that no pod uses.
        price_per_hour: The price of one GPU for an hour.
    """

    __slots__ = ()
    _fields = ("type", "memory", "total", "available", "price_per_hour",)

    def __init__(
        self,
        *,
        type: str,
        total: int,
        available: int,
        price_per_hour: Decimal | float,
        memory: int | None = None,
    ) -> None:
        self._init(
            {
                "type": type,
                "memory": memory,
                "total": total,
                "available": available,
                "price_per_hour": as_number(price_per_hour),
            }
        )

    @property
    def type(self) -> str:
        """The type, such as `A100`."""
        value: str = self._values["type"]
        return value

    @property
    def memory(self) -> int | None:
        """The memory of one GPU in gigabytes; None if it is not known."""
        value: int | None = self._values.get("memory")
        return value

    @property
    def total(self) -> int:
        """The number of GPUs of this type."""
        value: int = self._values["total"]
        return value

    @property
    def available(self) -> int:
        """The number of GPUs that no pod uses."""
        value: int = self._values["available"]
        return value

    @property
    def price_per_hour(self) -> Decimal:
        """The price of one GPU for an hour."""
        return as_amount(self._values["price_per_hour"])


class Volume(Model):
    """A volume: a directory of a project that outlives the pods that mount it.

    Args:
        id: The ID: `vol_` and 20 base62 characters.
        name: The name, which is unique in the project.
        project_id: The ID of the project.
        created_at: The time of creation.
        created_by: The user and the token that created the volume.
        pod_ids: The IDs of the pods that mount the volume.
    """

    __slots__ = ()
    _fields = ("id", "name", "project_id", "created_at", "created_by", "pod_ids",)

    def __init__(
        self,
        *,
        id: str,
        name: str,
        project_id: str,
        created_at: datetime,
        created_by: Creator,
        pod_ids: Sequence[str],
    ) -> None:
        self._init(
            {
                "id": id,
                "name": name,
                "project_id": project_id,
                "created_at": as_text(created_at),
                "created_by": created_by._values,
                "pod_ids": list(pod_ids),
            }
        )

    @property
    def id(self) -> str:
        """The ID: `vol_` and 20 base62 characters."""
        value: str = self._values["id"]
        return value

    @property
    def name(self) -> str:
        """The name, which is unique in the project."""
        value: str = self._values["name"]
        return value

    @property
    def project_id(self) -> str:
        """The ID of the project."""
        value: str = self._values["project_id"]
        return value

    @property
    def created_at(self) -> datetime:
        """The time of creation."""
        return as_time(self._values["created_at"])

    @property
    def created_by(self) -> Creator:
        """The user and the token that created the volume."""
        return Creator._from(self._values["created_by"])

    @property
    def pod_ids(self) -> tuple[str, ...]:
        """The IDs of the pods that mount the volume."""
        return tuple(self._values["pod_ids"])


class Wallet(Model):
    """The prepaid balance of an account.

    Args:
        balance: The amount that is left; negative if pods cost more than was credited.
        credited: The sum of all credits.
        spent: The cost of all pods so far.
        spent_this_month: The cost of this calendar month, in UTC.
    """

    __slots__ = ()
    _fields = ("balance", "credited", "spent", "spent_this_month",)

    def __init__(
        self,
        *,
        balance: Decimal | float,
        credited: Decimal | float,
        spent: Decimal | float,
        spent_this_month: Decimal | float,
    ) -> None:
        self._init(
            {
                "balance": as_number(balance),
                "credited": as_number(credited),
                "spent": as_number(spent),
                "spent_this_month": as_number(spent_this_month),
            }
        )

    @property
    def balance(self) -> Decimal:
        """The amount that is left; negative if pods cost more than was credited."""
        return as_amount(self._values["balance"])

    @property
    def credited(self) -> Decimal:
        """The sum of all credits."""
        return as_amount(self._values["credited"])

    @property
    def spent(self) -> Decimal:
        """The cost of all pods so far."""
        return as_amount(self._values["spent"])

    @property
    def spent_this_month(self) -> Decimal:
        """The cost of this calendar month, in UTC."""
        return as_amount(self._values["spent_this_month"])


class UsageRow(Model):
    """The use of one day, token, project or pod.

    Args:
        key: The day as `2026-11-28` (UTC), or the ID of the token, project or pod.
        name: The name of the token, project or pod; None for a day, or if it no longer exists.
        seconds: The seconds for which pods ran.
        gpu_seconds: The seconds for which pods ran, times their GPUs.
        cost: The cost.
    """

    __slots__ = ()
    _fields = ("key", "name", "seconds", "gpu_seconds", "cost",)

    def __init__(
        self,
        *,
        key: str,
        seconds: int,
        gpu_seconds: int,
        cost: Decimal | float,
        name: str | None = None,
    ) -> None:
        self._init(
            {
                "key": key,
                "name": name,
                "seconds": seconds,
                "gpu_seconds": gpu_seconds,
                "cost": as_number(cost),
            }
        )

    @property
    def key(self) -> str:
        """The day as `2026-11-28` (UTC), or the ID of the token, project or pod."""
        value: str = self._values["key"]
        return value

    @property
    def name(self) -> str | None:
        """The name of the token, project or pod; None for a day, or if it no longer exists."""
        value: str | None = self._values.get("name")
        return value

    @property
    def seconds(self) -> int:
        """The seconds for which pods ran."""
        value: int = self._values["seconds"]
        return value

    @property
    def gpu_seconds(self) -> int:
        """The seconds for which pods ran, times their GPUs."""
        value: int = self._values["gpu_seconds"]
        return value

    @property
    def cost(self) -> Decimal:
        """The cost."""
        return as_amount(self._values["cost"])


class Usage(Model):
    """What pods cost in a period, grouped.

    Args:
        from_: The beginning of the period.
        to: The end of the period, which is not part of it.
        group_by: The kind of group: `day`, `token`, `project` or `pod`.
        usage: The groups; days in order, others by falling cost.
        total_cost: The cost of all groups.
    """

    __slots__ = ()
    _fields = ("from", "to", "group_by", "usage", "total_cost",)

    def __init__(
        self,
        *,
        from_: datetime,
        to: datetime,
        group_by: str,
        usage: Sequence[UsageRow],
        total_cost: Decimal | float,
    ) -> None:
        self._init(
            {
                "from": as_text(from_),
                "to": as_text(to),
                "group_by": group_by,
                "usage": [item._values for item in usage],
                "total_cost": as_number(total_cost),
            }
        )

    @property
    def from_(self) -> datetime:
        """The beginning of the period."""
        return as_time(self._values["from"])

    @property
    def to(self) -> datetime:
        """The end of the period, which is not part of it."""
        return as_time(self._values["to"])

    @property
    def group_by(self) -> str:
        """The kind of group: `day`, `token`, `project` or `pod`."""
        value: str = self._values["group_by"]
        return value

    @property
    def usage(self) -> tuple[UsageRow, ...]:
        """The groups; days in order, others by falling cost."""
        return tuple(UsageRow._from(item) for item in self._values["usage"])

    @property
    def total_cost(self) -> Decimal:
        """The cost of all groups."""
        return as_amount(self._values["total_cost"])
