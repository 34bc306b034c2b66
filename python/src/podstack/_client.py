"""The client.

_async_client.py is written from this file by tools/generate_async.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from ._model import complete
from ._open import open_handle
from ._pods import Billing, GPUs, Pods, Volumes
from ._resources import AuditLogs, Auth, Members, Projects, Tokens
from ._session import Callbacks, OnEvent, Session
from .configuration import Configuration, RetryConfiguration
from .credentials import BuiltInCredentials
from .token import APIToken

if TYPE_CHECKING:
    from datetime import timedelta

    from .credentials import SyncCredentials
    from .transport import Transport


class Client:
    """A client of the Podstack API.

    ```python
    client = Client()
    user = client.auth.whoami()
    print(f"Authenticated as: {user.email}")
    ```

    A client may be shared by threads. It is closed when it is no longer used, at the end of a `with` block, or by
    `close()`. Creating one sends no request.

    Args:
        api_token: The token; None uses the token of `profile`, else `PODSTACK_API_TOKEN`, else the file that
            `PODSTACK_API_TOKEN_FILE` names, else the profile that `PODSTACK_PROFILE` names or `default` in
            `~/.podstack/credentials`.
        profile: The name of a profile in the credentials file.
        project_id: The project that operations use; None uses the profile's, else `PODSTACK_PROJECT`.
        api_endpoint: The address of the service, `https` or `http` to loopback; None uses the profile's, else
            `PODSTACK_API_ENDPOINT`, else `https://api.podstack.ai`.
        credentials: A provider of tokens, used instead of `api_token` and `profile`: see `podstack.credentials`.
        retry: The requests that are retried, and how often.
        timeout: The longest time for each call in seconds, with retries and waits (default: 30).
        environment: The variables to read instead of those of the process.
        transport: The transport that sends the requests; None uses libcurl: see `podstack.transport`.
        on_event: Receives requests and warnings, on the thread that makes the call: see `podstack.events`.

    Raises:
        AuthenticationError: There is no usable token.
        ConfigurationError: Another setting is invalid, or the token's source does not vouch for the endpoint.
    """

    __slots__ = (
        "__weakref__", "_session", "audit_logs", "auth", "billing", "gpus", "members", "pods", "projects", "tokens", "volumes",
    )

    auth: Auth
    """The user and the token in use."""
    tokens: Tokens
    """The API tokens of the account."""
    projects: Projects
    """The projects of the user."""
    pods: Pods
    """The pods: containers, with or without GPUs."""
    volumes: Volumes
    """The volumes, which outlive the pods that mount them."""
    gpus: GPUs
    """The types of GPUs with their availability and price."""
    billing: Billing
    """The wallet and the usage of the account."""
    members: Members
    """The members of a project."""
    audit_logs: AuditLogs
    """The audit log of the account and its projects."""

    def __init__(
        self,
        api_token: str | APIToken | None = None,
        profile: str | None = None,
        project_id: str | None = None,
        api_endpoint: str | None = None,
        *,
        credentials: SyncCredentials | None = None,
        retry: RetryConfiguration | None = None,
        timeout: float | timedelta | None = None,
        environment: Mapping[str, str] | None = None,
        transport: Transport | None = None,
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
        session = self._session = Session(handle, Callbacks(provider, transport, on_event))
        self.auth = Auth(session)
        self.tokens = Tokens(session)
        self.projects = Projects(session)
        self.pods = Pods(session)
        self.volumes = Volumes(session)
        self.gpus = GPUs(session)
        self.billing = Billing(session)
        self.members = Members(session)
        self.audit_logs = AuditLogs(session)

    @property
    def configuration(self) -> Configuration:
        """The settings in use, each with its source and the sources that it shadows."""
        return Configuration(self._session.call(b"configuration"))

    def close(self) -> None:
        """Closes the client. Later calls raise `ConfigurationError` with the code `client_closed`."""
        self._session.handle.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @complete
    def __repr__(self) -> str:
        return "<podstack.Client>" if self._session.handle.number else "<podstack.Client, closed>"

    def __reduce__(self) -> str:
        raise TypeError("a Client cannot be pickled; create one in the other process")
