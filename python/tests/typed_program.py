"""A program that uses the whole surface, for type checkers; the tests do not run it."""

from __future__ import annotations

import builtins
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import podstack
from podstack import (
    APIToken,
    AsyncClient,
    AsyncDeviceLogin,
    Client,
    ClientEvent,
    Configuration,
    CreatedToken,
    Credential,
    CredentialsFile,
    DeviceLogin,
    RequestFinished,
    RetryConfiguration,
    TokenExpiring,
    TransportFailure,
    TransportRequest,
    TransportResponse,
    User,
    credentials,
    exceptions,
    load_dotenv,
    parse_dotenv,
    read_dotenv,
    testing,
)


class Vault:
    def credential(self, instead_of: APIToken | None) -> Credential:
        return Credential(APIToken("x"), datetime.now(timezone.utc))


class AsyncVault:
    async def credential(self, instead_of: APIToken | None) -> str:
        return "x"


class Offline:
    def send(self, request: TransportRequest) -> TransportResponse:
        if request.body is None:
            raise TransportFailure("offline", retryable=False)
        return TransportResponse(200, [("a", "b")], request.body)


class AsyncOffline:
    async def send(self, request: TransportRequest) -> TransportResponse:
        return TransportResponse(204)


def on_event(event: ClientEvent) -> None:
    if isinstance(event, RequestFinished):
        duration: float = event.duration
        status: int = event.status
        print(duration, status)
    elif isinstance(event, TokenExpiring):
        moment: datetime = event.expires_at
        print(moment)


def synchronous() -> None:
    retry = RetryConfiguration(max_retries=2, retry_on=["server_error"])
    with Client(
        api_token="x", profile=None, project_id="p", api_endpoint="https://x", retry=retry, timeout=timedelta(seconds=5),
        environment={"A": "b"}, transport=Offline(), on_event=on_event,
    ) as client:
        user: User = client.auth.whoami()
        email: str = user.email
        name: str | None = user.name
        created: datetime | None = user.created_at
        if user.token is not None:
            scopes: tuple[str, ...] = user.token.scopes
            print(scopes)
        allowed: bool = client.auth.can("projects:read", project="p").allowed
        token, secret = client.tokens.create("CI", expires_in_days=7, scopes=["projects:read"], projects=["p"])
        text: str = secret.reveal()
        result: CreatedToken = client.tokens.rotate(token.id, grace=60)
        names: list[str] = [item.name for item in client.tokens.list()]
        first: list[podstack.Token] = client.tokens.list().first(3)
        page: podstack.Page[podstack.Project] = client.projects.list().page(limit=5)
        cursor: str | None = page.next_cursor
        client.tokens.update(token.id, name="x")
        client.tokens.report([secret, "y"])
        client.tokens.revoke(token.id)
        project: podstack.Project = client.projects.create("x", description="y")
        client.projects.update(project.id, name="z")
        client.projects.delete(client.projects.current().id)
        member: podstack.Member = client.members.add("a@b.example", project.id, role="admin", permissions=["read"])
        client.members.update(member.user_id, project.id, status="deactivated")
        client.members.remove(member.user_id, project.id)
        client.members.leave(project.id)
        invitation: podstack.Invitation = next(client.members.invitations())
        client.members.accept(invitation.project_id)
        client.members.decline(invitation.project_id)
        for event in client.audit_logs.list(action="create", since=datetime.now(timezone.utc)):
            print(event.action, event.details.get("old"))
        pod: podstack.Pod = client.pods.create(
            "x", "busybox", gpu_type="A100", ports=[80], env={"A": "b", "T": APIToken("x")}, stop_after=timedelta(hours=1),
            max_cost=Decimal("2.5"), volumes=[{"volume_id": "v", "mount_path": "/data"}, podstack.VolumeMount(volume_id="v", mount_path="/d")])
        pod = client.pods.wait_until_running(pod.id, 60, on_change=lambda pod: print(pod.status))
        cost: Decimal = pod.cost
        most: Decimal | None = client.pods.update(pod.id, stop_after=None, max_cost=podstack.UNCHANGED).limits.max_cost
        code: int = client.pods.exec(pod.id, ["ls"], timeout=5).exit_code
        for line in client.pods.logs_stream(pod.id, tail=5):
            print(line.upper(), cost, most, code)
        summary: podstack.TransferSummary = client.pods.upload(pod.id, Path("x"), "/data/", progress=lambda progress: print(progress.total))
        gone: podstack.Pod | None = client.pods.delete(pod.id, force=True)
        print(summary.skipped, gone, client.gpus.list()[0].type, client.billing.wallet().balance, client.billing.usage().usage[0].cost)
        client.volumes.delete(next(client.volumes.list()).id)
        client.tokens.update(token.id, spend_limit=podstack.SpendLimit(amount=5, period="month"))
        client.auth.rotate(grace=timedelta(hours=1))
        client.auth.revoke()
        settings: Configuration = client.configuration
        origin: str = settings.api_endpoint.source.origin
        if settings.api_token is not None and settings.api_token.value is not None:
            print(settings.api_token.value.prefix)
        print(email, name, created, allowed, text, result, names, first, cursor, origin)
    Client(credentials=Vault())
    Client(credentials=lambda: "x")
    Client(credentials=credentials.process("vault read"))
    Client(transport=testing.RecordingTransport(testing.user("a@b.example"), testing.network_failure()))
    request = DeviceLogin().begin("x", scopes=["projects:read"])
    print(request.user_code, request.token(on_wait=print).secret)
    file = CredentialsFile("x")
    file.set("work", "api_token", APIToken("x"))
    value: str | APIToken | None = file.value("work", "project_id")
    file.save()
    loaded = load_dotenv(override=True)
    print(value, loaded, parse_dotenv("A=1")["A"], read_dotenv("x").warnings, Configuration.resolve().warnings)


def errors() -> None:
    try:
        Client().auth.whoami()
    except exceptions.RateLimitError as error:
        wait: float | None = error.retry_after
        print(wait)
    except exceptions.PodNotRunningError as error:
        print(error.pod.status if error.pod is not None else None, error.is_timeout)
    except exceptions.GPUNotAvailableError as error:
        types: list[str] = error.available_types
        print(types)
    except exceptions.ValidationError as error:
        fields: dict[str, list[str]] = error.field_errors
        print(fields)
    except builtins.PermissionError as error:
        print(error)
    except ConnectionError as error:
        print(error)
    except exceptions.PodstackError as error:
        code: str | None = error.code
        status: int | None = error.status_code
        print(code, status, error.request_id, error.details, error.hint, error.message)


async def asynchronous() -> None:
    async with AsyncClient(credentials=AsyncVault(), transport=AsyncOffline(), on_event=on_event) as client:
        user: User = await client.auth.whoami()
        async for token in client.tokens.list():
            print(token.name, user.email)
        first: list[podstack.Project] = await client.projects.list().first(1)
        page: podstack.Page[podstack.AuditEvent] = await client.audit_logs.list().page()
        settings: Configuration = await client.configuration()
        print(first, page.items, settings)
        pod: podstack.Pod = await client.pods.wait_until_running((await client.pods.create("x", "busybox")).id)
        async for line in client.pods.logs_stream(pod.id):
            print(line.upper())
        result: podstack.PodExecResult = await client.pods.exec(pod.id, "ls")
        print(result.output, await client.gpus.list())
    request = await AsyncDeviceLogin().begin("x")
    print((await request.token()).token.id)
