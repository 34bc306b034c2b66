"""The resources of an asynchronous client.

This file is written from _resources.py by tools/generate_async.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Generic, AsyncIterator, Sequence, TypeVar

from ._arguments import UNCHANGED, Unchanged, changed, seconds, spend_limit as as_limit, texts
from ._model import Model, as_text
from ._async_session import AsyncSession
from ._resources import Page
from ._tuples import CreatedToken, created
from .models import AuditEvent, Invitation, Member, Permission, Project, SpendLimit, Token, User
from .token import APIToken

__all__ = ["AsyncAuditLogs", "AsyncAuth", "AsyncMembers", "AsyncPaged", "AsyncProjects", "AsyncTokens"]

_Item = TypeVar("_Item", bound=Model)


class AsyncPaged(Generic[_Item]):
    """A list that loads its pages from the service as they are needed.

    Each loop over it begins with the first element. `anext()` gives one element after another.
    """

    __slots__ = ("_arguments", "_iterator", "_kind", "_name", "_operation", "_session")

    def __init__(
        self, session: AsyncSession, operation: bytes, name: str, kind: type[_Item], arguments: dict[str, Any]
    ) -> None:
        self._session = session
        self._operation = operation
        self._name = name
        self._kind = kind
        self._arguments = arguments
        self._iterator: AsyncIterator[_Item] | None = None

    async def page(self, limit: int = 50, cursor: str | None = None) -> Page[_Item]:
        """Returns one page, for programs that display pages.

        Args:
            limit: The largest number of elements, 1 to 200.
            cursor: The `next_cursor` of the page before; None for the first page.
        """
        arguments = {**self._arguments, "limit": limit, "cursor": cursor}
        values = await self._session.call(self._operation, arguments)
        return Page([self._kind._from(item) for item in values[self._name]], values.get("next_cursor"))

    async def first(self, count: int) -> list[_Item]:
        """Returns the first elements.

        Args:
            count: The largest number of elements.
        """
        items: list[_Item] = []
        if count <= 0:
            return items
        async for item in self._load(min(count, 200)):
            items.append(item)
            if len(items) == count:
                break
        return items

    async def all(self) -> list[_Item]:
        """Returns all elements."""
        return [item async for item in self._load(200)]

    def __aiter__(self) -> AsyncIterator[_Item]:
        return self._load(200)

    async def __anext__(self) -> _Item:
        if self._iterator is None:
            self._iterator = self._load(200)
        return await self._iterator.__anext__()

    async def _load(self, limit: int) -> AsyncIterator[_Item]:
        cursor: str | None = None
        used: set[str] = set()
        while True:
            page = await self.page(limit, cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            # A service that returns a cursor again would make the list endless.
            if cursor is None or cursor in used:
                return
            used.add(cursor)

    def __repr__(self) -> str:
        return f"<Paged list of {self._name}>"


class AsyncAuth:
    """The token in use, and the user it belongs to."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def whoami(self) -> User:
        """Returns the user that the token belongs to.

        Raises:
            AuthenticationError: The service rejects the token.
            NetworkError: No response arrives.
        """
        return User._from(await self._session.call(b"auth.whoami"))

    async def can(self, scope: str, *, project: str | None = None) -> Permission:
        """Returns whether the token in use may perform an action, without performing it.

        Args:
            scope: The action, such as `projects:create`.
            project: The ID of a project; None checks the scope alone.

        Raises:
            ValidationError: The scope does not exist.
            ResourceNotFoundError: The project does not exist.
        """
        return Permission._from(await self._session.call(b"auth.can", {"scope": scope, "project": project}))

    async def rotate(self, *, grace: float | timedelta | None = None) -> CreatedToken:
        """Gives the token in use a new secret, which this client uses from then on.

        If the token came from a file, or from a profile with a `credential_store_process`, it is replaced there too. A
        crash at any moment leaves a valid token there.

        Args:
            grace: The grace period of the old secret in seconds, zero to a week (default: one hour).

        Raises:
            ConfigurationError: The source cannot be changed; the old secret then stays valid.
        """
        return created(await self._session.call(b"auth.rotate", {"grace": seconds(grace)}))

    async def revoke(self) -> None:
        """Revokes the token in use immediately.

        Raises:
            AuthenticationError: The token was invalid before.
            NetworkError: No response arrives.
        """
        await self._session.call(b"auth.revoke")


class AsyncTokens:
    """The API tokens of the account."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(self) -> AsyncPaged[Token]:
        """Returns the tokens, newest first. Expired and revoked tokens are included for 90 days."""
        return AsyncPaged(self._session, b"tokens.list", "tokens", Token, {})

    async def get(self, id: str) -> Token:
        """Returns a token.

        Args:
            id: The token's ID.

        Raises:
            ResourceNotFoundError: The account has no such token.
        """
        return Token._from(await self._session.call(b"tokens.get", {"id": id}))

    async def create(
        self,
        name: str,
        *,
        expires_in_days: int | None = None,
        expires_at: datetime | None = None,
        never_expires: bool = False,
        scopes: Sequence[str] | None = None,
        projects: Sequence[str] | None = None,
        spend_limit: SpendLimit | None = None,
    ) -> CreatedToken:
        """Creates a token.

        The secret is generated here, and only its digest is sent. So a lost response loses nothing.

        Args:
            name: The name, 1 to 100 characters.
            expires_in_days: The lifetime: 7, 30, 90, 180 or 365 (default: 30 days).
            expires_at: The time from which the token is rejected.
            never_expires: Whether the token never expires.
            scopes: The permissions, such as `projects:read`; None for those of the token in use.
            projects: The IDs of the projects that the token is limited to; None for all.
            spend_limit: The most that pods which the token starts may cost; None for no limit. A token with a limit
                creates only tokens with a limit that is not higher.

        Raises:
            QuotaExceededError: The account has reached its limit of active tokens.
            PermissionError: The token in use may not create this token.
            ValidationError: A value is invalid.
        """
        if (expires_in_days is not None) + (expires_at is not None) + bool(never_expires) > 1:
            raise ValueError("pass only one of expires_in_days, expires_at and never_expires")
        arguments = {
            "name": name,
            "expires_in_days": expires_in_days,
            "expires_at": as_text(expires_at),
            "never_expires": bool(never_expires),
            "scopes": texts("scopes", scopes),
            "projects": texts("projects", projects),
            "spend_limit": as_limit(spend_limit),
        }
        return created(await self._session.call(b"tokens.create", arguments))

    async def update(
        self,
        id: str,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
        projects: Sequence[str] | None = None,
        spend_limit: SpendLimit | None | Unchanged = UNCHANGED,
    ) -> Token:
        """Changes a token. What is not passed does not change; scopes and projects can only shrink.

        Args:
            id: The token's ID.
            name: The new name, 1 to 100 characters.
            scopes: The new permissions.
            projects: The IDs of the projects that the token is limited to.
            spend_limit: The most that pods which the token starts may cost; None removes the limit.

        Raises:
            ValidationError: A value is invalid.
            ResourceNotFoundError: The account has no such token.
        """
        arguments = {
            "id": id,
            "name": name,
            "scopes": texts("scopes", scopes),
            "projects": texts("projects", projects),
            "spend_limit": spend_limit if isinstance(spend_limit, Unchanged) else as_limit(spend_limit),
        }
        return Token._from(await self._session.call(b"tokens.update", changed(arguments)))

    async def rotate(self, id: str, *, grace: float | timedelta | None = None) -> CreatedToken:
        """Gives a token a new secret.

        The old one stays valid until the first use of the new one, and for a grace period after that. For the token in
        use, call `client.auth.rotate()`, which replaces it in its source too.

        Args:
            id: The token's ID.
            grace: The grace period in seconds, zero to a week (default: one hour).

        Raises:
            ResourceNotFoundError: The account has no such token.
            ValidationError: A value is invalid.
        """
        return created(await self._session.call(b"tokens.rotate", {"id": id, "grace": seconds(grace)}))

    async def revoke(self, id: str) -> None:
        """Revokes a token. Once this returns, every instance of the service rejects it.

        Args:
            id: The token's ID.

        Raises:
            ResourceNotFoundError: The account has no such token.
        """
        await self._session.call(b"tokens.revoke", {"id": id})

    async def report(self, leaked: Sequence[APIToken | str]) -> None:
        """Reports leaked tokens of any user. Possession is the proof, so each valid token is revoked.

        Args:
            leaked: The tokens, any number; one request reports up to 1,000 of them.

        Raises:
            RateLimitError: There were too many reports.
            NetworkError: No response arrives.
        """
        if isinstance(leaked, str):
            raise TypeError("leaked must be a list of tokens, and not one text")
        texts = [token.reveal() if isinstance(token, APIToken) else token for token in leaked]
        await self._session.call(b"tokens.report", {"tokens": texts})


class AsyncProjects:
    """The projects of the user. A project groups pods, volumes and members."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(self) -> AsyncPaged[Project]:
        """Returns the projects that the user is a member of and the token is valid for."""
        return AsyncPaged(self._session, b"projects.list", "projects", Project, {})

    async def get(self, id: str) -> Project:
        """Returns a project.

        Args:
            id: The project's ID.

        Raises:
            ResourceNotFoundError: The project does not exist, or the user cannot see it.
        """
        return Project._from(await self._session.call(b"projects.get", {"id": id}))

    async def current(self) -> Project:
        """Returns the project of requests that name none: the client's own, or the user's default.

        Raises:
            ConfigurationError: There is none.
            ResourceNotFoundError: The user cannot see it.
        """
        return Project._from(await self._session.call(b"projects.current"))

    async def create(self, name: str, *, description: str | None = None) -> Project:
        """Creates a project, whose admin is the user.

        Args:
            name: The name.
            description: The description, or None.

        Raises:
            PermissionError: The token may not create projects.
            ValidationError: A value is invalid.
        """
        return Project._from(await self._session.call(b"projects.create", {"name": name, "description": description}))

    async def update(
        self,
        id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        spend_limit: SpendLimit | None | Unchanged = UNCHANGED,
    ) -> Project:
        """Changes a project. What is not passed does not change.

        Args:
            id: The project's ID.
            name: The new name.
            description: The new description; an empty one removes it.
            spend_limit: The most that the pods of the project may cost; None removes the limit.

        Raises:
            PermissionError: The caller may not change it.
            ValidationError: A value is invalid.
        """
        arguments = {
            "id": id,
            "name": name,
            "description": description,
            "spend_limit": spend_limit if isinstance(spend_limit, Unchanged) else as_limit(spend_limit),
        }
        return Project._from(await self._session.call(b"projects.update", changed(arguments)))

    async def delete(self, id: str) -> None:
        """Deletes an empty project.

        Args:
            id: The project's ID.

        Raises:
            ValidationError: The project still contains resources (code `project_not_empty`).
        """
        await self._session.call(b"projects.delete", {"id": id})


class AsyncMembers:
    """The members of the user's projects."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(self, project: str) -> AsyncPaged[Member]:
        """Returns the members of a project.

        Args:
            project: The project's ID.
        """
        return AsyncPaged(self._session, b"members.list", "members", Member, {"project": project})

    async def add(
        self, email: str, project: str, *, role: str = "user", permissions: Sequence[str] | None = None
    ) -> Member:
        """Invites a user to a project.

        The user has no access until they accept the invitation, within 24 hours.

        Args:
            email: The email address of a user who has an account.
            project: The project's ID.
            role: The role: `admin` or `user`.
            permissions: The permissions of a `user`: any of `create`, `read`, `update` and `delete`.

        Raises:
            PermissionError: The caller may not add members.
            ValidationError: A value is invalid.
            QuotaExceededError: The caller has too many invitations that are not answered yet.
        """
        arguments = {
            "email": email,
            "project": project,
            "role": role,
            "permissions": texts("permissions", permissions),
        }
        return Member._from(await self._session.call(b"members.add", arguments))

    async def update(
        self,
        user: str,
        project: str,
        *,
        role: str | None = None,
        permissions: Sequence[str] | None = None,
        status: str | None = None,
    ) -> Member:
        """Changes a member. Values that are None do not change.

        Args:
            user: The user's ID.
            project: The project's ID.
            role: The new role: `admin` or `user`.
            permissions: The new permissions of a `user`: any of `create`, `read`, `update` and `delete`.
            status: The new state: `active`, or `deactivated` for a member without any permission.

        Raises:
            PermissionError: The caller may not change members.
            ValidationError: A value is invalid.
        """
        arguments = {
            "user": user,
            "project": project,
            "role": role,
            "permissions": texts("permissions", permissions),
            "status": status,
        }
        return Member._from(await self._session.call(b"members.update", arguments))

    async def remove(self, user: str, project: str) -> None:
        """Removes a member from a project.

        Args:
            user: The user's ID.
            project: The project's ID.

        Raises:
            PermissionError: The caller may not remove members.
        """
        await self._session.call(b"members.remove", {"user": user, "project": project})

    async def leave(self, project: str) -> None:
        """Removes the user from a project, whatever their role there.

        The last admin of a project cannot leave it, and no user can leave their default project.

        Args:
            project: The project's ID.

        Raises:
            ResourceNotFoundError: The user is not a member.
            ValidationError: The user cannot leave.
        """
        await self._session.call(b"members.leave", {"project": project})

    def invitations(self) -> AsyncPaged[Invitation]:
        """Returns the invitations of the user that are neither answered nor expired, newest first."""
        return AsyncPaged(self._session, b"members.invitations", "invitations", Invitation, {})

    async def accept(self, project: str) -> Member:
        """Accepts the invitation to a project.

        Args:
            project: The project's ID.

        Raises:
            ResourceNotFoundError: There is no invitation.
            PermissionError: The token does not include the project.
        """
        return Member._from(await self._session.call(b"members.accept", {"project": project}))

    async def decline(self, project: str) -> None:
        """Declines the invitation to a project.

        Args:
            project: The project's ID.

        Raises:
            ResourceNotFoundError: There is no invitation.
        """
        await self._session.call(b"members.decline", {"project": project})


class AsyncAuditLogs:
    """The audit log: the changes of the last 90 days, and the users and tokens behind them."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(
        self,
        *,
        action: str | None = None,
        resource_type: str | None = None,
        user: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        containing: str | None = None,
    ) -> AsyncPaged[AuditEvent]:
        """Returns the events that match all filters, newest first.

        Args:
            action: The action, such as `token_created`.
            resource_type: The kind of resource, such as `token`.
            user: The ID or the email address of a user.
            since: The earliest time, inclusive.
            until: The latest time, exclusive.
            containing: A text that one of the event's fields contains.
        """
        arguments = {
            "action": action,
            "resource_type": resource_type,
            "user": user,
            "since": as_text(since),
            "until": as_text(until),
            "text": containing,
        }
        return AsyncPaged(self._session, b"audit_logs.list", "audit_logs", AuditEvent, arguments)
