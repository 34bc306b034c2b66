"""The client for asyncio.

This file is written from _client.py by tools/generate_async.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from ._model import complete
from ._async_pods import AsyncBilling, AsyncGPUs, AsyncPods, AsyncVolumes
from ._async_resources import AsyncAuditLogs, AsyncAuth, AsyncMembers, AsyncProjects, AsyncTokens
from ._async_session import AsyncSession
from ._open import open_handle
from ._session import Callbacks, OnEvent
from .configuration import Configuration, RetryConfiguration
from .credentials import BuiltInCredentials
from .token import APIToken

if TYPE_CHECKING:
    from datetime import timedelta

    from .credentials import AsyncCredentials
    from .transport import AsyncTransport, Transport


class AsyncClient:
    """A client of the Podstack API for asyncio, with any event loop that has `add_reader`, such as uvloop.

    ```python
    async with AsyncClient() as client:
        user = await client.auth.whoami()
        async for token in client.tokens.list():
            print(token.name)
    ```

    Canceling a task cancels its request. A client may be used by several event loops. It is closed when it is no
    longer used, at the end of an `async with` block, or by `close()`. Creating one reads the settings and sends no
    request.

    Args:
        api_token: The token; None uses the token of `profile`, else `PODSTACK_API_TOKEN`, else the file that
            `PODSTACK_API_TOKEN_FILE` names, else the profile that `PODSTACK_PROFILE` names or `default` in
            `~/.podstack/credentials`.
        profile: The name of a profile in the credentials file.
        project_id: The project that operations use; None uses the profile's, else `PODSTACK_PROJECT`.
        api_endpoint: The address of the service, `https` or `http` to loopback; None uses the profile's, else
            `PODSTACK_API_ENDPOINT`, else `https://api.podstack.ai`.
        credentials: A provider of tokens, used instead of `api_token` and `profile`, whose function may be a
            coroutine: see `podstack.credentials`. One that is not a coroutine blocks the event loop while it runs.
        retry: The requests that are retried, and how often.
        timeout: The longest time for each call in seconds, with retries and waits (default: 30).
        environment: The variables to read instead of those of the process.
        transport: The transport that sends the requests, whose `send` may be a coroutine; None uses libcurl: see
            `podstack.transport`.
        on_event: Receives requests and warnings, on the thread of the event loop: see `podstack.events`.

    Raises:
        AuthenticationError: There is no usable token.
        ConfigurationError: Another setting is invalid, or the token's source does not vouch for the endpoint.
    """

    __slots__ = (
        "__weakref__", "_session", "audit_logs", "auth", "billing", "gpus", "members", "pods", "projects", "tokens", "volumes",
    )

    auth: AsyncAuth
    """The user and the token in use."""
    tokens: AsyncTokens
    """The API tokens of the account."""
    projects: AsyncProjects
    """The projects of the user."""
    pods: AsyncPods
    """The pods: containers, with or without GPUs."""
    volumes: AsyncVolumes
    """The volumes, which outlive the pods that mount them."""
    gpus: AsyncGPUs
    """The types of GPUs with their availability and price."""
    billing: AsyncBilling
    """The wallet and the usage of the account."""
    members: AsyncMembers
    """The members of a project."""
    audit_logs: AsyncAuditLogs
    """The audit log of the account and its projects."""

    def __init__(
        self,
        api_token: str | APIToken | None = None,
        profile: str | None = None,
        project_id: str | None = None,
        api_endpoint: str | None = None,
        *,
        credentials: AsyncCredentials | None = None,
        retry: RetryConfiguration | None = None,
        timeout: float | timedelta | None = None,
        environment: Mapping[str, str] | None = None,
        transport: AsyncTransport | Transport | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        try:
            handle = open_handle(
                b"client",
                api_token=api_token,
                profile=profile,
                project_id=project_id,
                api_endpoint=api_endpoint,
                credentials=credentials,
                retry=retry,
                timeout=timeout,
                environment=environment,
                transport=transport,
                has_events=on_event is not None,
            )
        finally:
            # Error reports show the variables of each frame, and a token may be in any of these.
            api_token = profile = project_id = api_endpoint = environment = None
        provider = None if isinstance(credentials, BuiltInCredentials) else credentials
        session = self._session = AsyncSession(handle, Callbacks(provider, transport, on_event))
        self.auth = AsyncAuth(session)
        self.tokens = AsyncTokens(session)
        self.projects = AsyncProjects(session)
        self.pods = AsyncPods(session)
        self.volumes = AsyncVolumes(session)
        self.gpus = AsyncGPUs(session)
        self.billing = AsyncBilling(session)
        self.members = AsyncMembers(session)
        self.audit_logs = AsyncAuditLogs(session)

    async def configuration(self) -> Configuration:
        """Returns the settings in use, each with its source and the sources that it shadows."""
        return Configuration(await self._session.call(b"configuration"))

    async def close(self) -> None:
        """Closes the client. Later calls raise `ConfigurationError` with the code `client_closed`."""
        self._session.handle.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    @complete
    def __repr__(self) -> str:
        return "<podstack.AsyncClient>" if self._session.handle.number else "<podstack.AsyncClient, closed>"

    def __reduce__(self) -> str:
        raise TypeError("an AsyncClient cannot be pickled; create one in the other process")
