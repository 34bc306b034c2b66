"""The pods and the other resources that cost money, of an asynchronous client.

This file is written from _pods.py by tools/generate_async.py.
"""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence

from ._arguments import (
    UNCHANGED, RegistryCredentials, Time, Unchanged, amount, changed, mounts, seconds, texts, variables,
)
from ._async_resources import AsyncPaged
from ._async_session import AsyncSession, AsyncStream
from ._model import as_text
from ._tuples import TransferProgress, TransferSummary, summary
from .models import GPU, Pod, PodEvent, PodExecResult, PodMetrics, Usage, Volume, VolumeMount, Wallet

if TYPE_CHECKING:
    from .token import APIToken

__all__ = ["AsyncBilling", "AsyncGPUs", "AsyncPodLogs", "AsyncPods", "AsyncVolumes"]

OnProgress = Callable[[TransferProgress], object]
OnChange = Callable[[Pod], object]


class AsyncPodLogs:
    """The output of a pod as lines without their ends, which arrive while the program runs.

    The request is sent for the first line, and ends with the loop: after the last line, when nothing refers to this
    object any more, at the end of an `async with` block, or by `close()`. Bytes that are not UTF-8 are replaced.
    """

    __slots__ = ("_is_finished", "_lines", "_stream")

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._is_finished = False

    def __aiter__(self) -> AsyncPodLogs:
        return self

    async def __anext__(self) -> str:
        while not self._lines:
            if self._is_finished:
                raise StopAsyncIteration
            # Also after an error or an interrupt, which ends the stream.
            self._is_finished = True
            values = await self._stream.next()
            if "item" in values:
                self._is_finished = False
                self._lines = values["item"][::-1]
        return self._lines.pop()

    async def close(self) -> None:
        """Ends the request. A loop over this object then ends too."""
        self._is_finished = True
        self._lines = []
        self._stream.close()

    async def __aenter__(self) -> AsyncPodLogs:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return "<podstack.AsyncPodLogs, finished>" if self._is_finished else "<podstack.AsyncPodLogs>"


class AsyncPods:
    """The pods: containers, with or without GPUs."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(
        self,
        *,
        project_id: str | None = None,
        status: str | None = None,
        labels: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> AsyncPaged[Pod]:
        """Returns the pods that match all filters, newest first.

        Deleted pods are listed only with the status `terminated`, for 90 days.

        Args:
            project_id: The ID of a project; None for the client's own, else all projects that the token is valid for.
            status: A state, such as `running`; None for all but `terminated`.
            labels: The labels that a pod must have.
            name: The name of a pod; None for all.
        """
        arguments = {"project_id": project_id, "status": status, "labels": dict(labels or {}), "name": name}
        return AsyncPaged(self._session, b"pods.list", "pods", Pod, arguments)

    async def get(self, id: str) -> Pod:
        """Returns a pod.

        Args:
            id: The pod's ID.

        Raises:
            ResourceNotFoundError: The pod does not exist, or the user cannot see it.
        """
        return Pod._from(await self._session.call(b"pods.get", {"id": id}))

    async def create(
        self,
        name: str,
        image: str,
        *,
        gpu_type: str | None = None,
        gpu_count: int = 1,
        cpu: float = 4,
        memory: int = 16,
        disk: int = 50,
        ports: Sequence[int] = (),
        env: Mapping[str, str | APIToken] | None = None,
        command: str | None = None,
        volumes: Sequence[VolumeMount | Mapping[str, str]] = (),
        labels: Mapping[str, str] | None = None,
        project_id: str | None = None,
        registry_auth: RegistryCredentials | None = None,
        stop_after: Time | None = None,
        delete_after: Time | None = None,
        max_cost: Decimal | float | None = None,
        token_scopes: Sequence[str] | None = None,
    ) -> Pod:
        """Creates a pod, which starts as soon as its resources are available.

        A lost response loses nothing: the request is repeated with the same key, and creates one pod. To wait for the
        start, call `wait_until_running`.

        Args:
            name: The name, which is unique in the project: 1 to 63 characters of `a-z`, `0-9` and `-`.
            image: The image, such as `ubuntu:24.04`, from any registry.
            gpu_type: The type of the GPUs, such as `A100`; None for a pod without GPUs.
            gpu_count: The number of GPUs; it does not matter without a type.
            cpu: The number of CPU cores.
            memory: The memory in gibibytes.
            disk: The disk in gibibytes.
            ports: The ports that the pod publishes.
            env: The environment variables; the service stores the values encrypted and never returns them.
            command: The command line, which `/bin/sh -c` runs; None for the image's own.
            volumes: The volumes that the pod mounts: `VolumeMount`, or `{"volume_id": …, "mount_path": …}`.
            labels: The labels.
            project_id: The ID of the project; None for the client's own, else the user's default project.
            registry_auth: The user and the password of the image's registry; None for a public image.
            stop_after: The seconds after the start at which the pod is stopped; None for no limit.
            delete_after: The seconds after the start at which the pod is deleted; None for no limit.
            max_cost: The cost at which the pod is stopped; None for no limit.
            token_scopes: The scopes of the pod's own token, which it finds in the file that `PODSTACK_API_TOKEN_FILE`
                names; None for none.

        Raises:
            InsufficientBalanceError: The wallet or a spend limit does not cover the pod.
            QuotaExceededError: The account has too many pods.
            GPUNotAvailableError: There are no such GPUs.
            ValidationError: A value is invalid, or the name exists.
        """
        arguments = {
            "name": name,
            "image": image,
            "gpu_type": gpu_type,
            "gpu_count": gpu_count,
            "cpu": cpu,
            "memory": memory,
            "disk": disk,
            "ports": [*ports],
            "env": variables(env or {}),
            "command": command,
            "volumes": mounts(volumes),
            "labels": dict(labels or {}),
            "project_id": project_id,
            "registry_auth": None if registry_auth is None else registry_auth._fields(),
            "stop_after": seconds(stop_after),
            "delete_after": seconds(delete_after),
            "max_cost": amount("max_cost", max_cost),
            "token_scopes": texts("token_scopes", token_scopes),
        }
        return Pod._from(await self._session.call(b"pods.create", arguments))

    async def update(
        self,
        id: str,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        stop_after: Time | None | Unchanged = UNCHANGED,
        delete_after: Time | None | Unchanged = UNCHANGED,
        max_cost: Decimal | float | None | Unchanged = UNCHANGED,
    ) -> Pod:
        """Changes a pod's name, labels or limits. What is not passed does not change.

        Args:
            id: The pod's ID.
            name: The new name.
            labels: The new labels, which replace all former ones.
            stop_after: The seconds after the start at which the pod is stopped; None removes the limit.
            delete_after: The seconds after the start at which the pod is deleted; None removes the limit.
            max_cost: The cost at which the pod is stopped; None removes the limit.

        Raises:
            ValidationError: A value is invalid.
            ResourceNotFoundError: The pod does not exist.
        """
        arguments = {
            "id": id,
            "name": name,
            "labels": None if labels is None else dict(labels),
            "stop_after": stop_after if isinstance(stop_after, Unchanged) else seconds(stop_after),
            "delete_after": delete_after if isinstance(delete_after, Unchanged) else seconds(delete_after),
            "max_cost": max_cost if isinstance(max_cost, Unchanged) else amount("max_cost", max_cost),
        }
        return Pod._from(await self._session.call(b"pods.update", changed(arguments)))

    async def start(self, id: str) -> Pod:
        """Starts a pod that was stopped or has failed, and returns it. It may not run yet.

        Args:
            id: The pod's ID.

        Raises:
            InsufficientBalanceError: The wallet or a spend limit does not cover the pod.
            ConflictError: The pod is being deleted.
        """
        return Pod._from(await self._session.call(b"pods.start", {"id": id}))

    async def stop(self, id: str, *, force: bool = False) -> Pod:
        """Stops a pod, which keeps its configuration and is no longer billed. It may not be stopped yet.

        Args:
            id: The pod's ID.
            force: Whether the program is killed at once, instead of being asked to end first.

        Raises:
            ConflictError: The pod is being deleted.
        """
        return Pod._from(await self._session.call(b"pods.stop", {"id": id, "force": bool(force)}))

    async def restart(self, id: str) -> Pod:
        """Stops a pod and starts it again, and returns it. It may not run yet.

        Args:
            id: The pod's ID.

        Raises:
            InsufficientBalanceError: The wallet or a spend limit does not cover the pod.
            ConflictError: The pod is being deleted.
        """
        return Pod._from(await self._session.call(b"pods.restart", {"id": id}))

    async def delete(self, id: str, *, force: bool = False) -> Pod | None:
        """Deletes a pod and everything on its disk; its volumes stay.

        Args:
            id: The pod's ID.
            force: Whether a pod that runs is deleted too.

        Returns:
            The pod while it is being removed; None if it is gone already.

        Raises:
            ConflictError: The pod runs, and `force` is False.
            ResourceNotFoundError: The pod does not exist.
        """
        values = await self._session.call(b"pods.delete", {"id": id, "force": bool(force)})
        return None if values is None else Pod._from(values)

    async def wait_until_running(self, id: str, timeout: Time = 300, *, on_change: OnChange | None = None) -> Pod:
        """Waits until a pod runs, and returns it.

        Args:
            id: The pod's ID.
            timeout: The longest time to wait in seconds.
            on_change: Receives the pod when its state, or the reason for it, is not the one seen before.

        Raises:
            PodNotRunningError: The pod fails, ends or is deleted, or the time passes.
            ResourceNotFoundError: The pod does not exist.
        """

        def report(values: Any) -> None:
            if on_change is not None:
                on_change(Pod._from(values))

        arguments = {"id": id, "timeout": seconds(timeout)}
        return Pod._from(await self._session.result(b"pods.wait_until_running", arguments, report))

    async def exec(self, id: str, command: str | Sequence[str], timeout: Time = 60) -> PodExecResult:
        """Runs a command in a pod that runs, and waits for its end.

        The request is not repeated after a lost response, because the command may have run.

        Args:
            id: The pod's ID.
            command: The command line, which `/bin/sh -c` runs, or the program and its arguments.
            timeout: The longest time that the command may run, in seconds.

        Returns:
            The exit code and the output, up to 1 MiB of each stream.

        Raises:
            ConflictError: The pod does not run.
            ExecTimeoutError: The time passes.
        """
        arguments: dict[str, Any] = {"id": id, "timeout": seconds(timeout)}
        if isinstance(command, str):
            arguments["command_line"] = command
        else:
            arguments["command"] = [*command]
        return PodExecResult._from(await self._session.call(b"pods.exec", arguments))

    async def upload(
        self,
        id: str,
        source: str | os.PathLike[str],
        destination: str,
        progress: OnProgress | None = None,
    ) -> TransferSummary:
        """Copies a local file or directory into a pod.

        Args:
            id: The pod's ID.
            source: The path of the local file or directory.
            destination: The absolute path of the copy in the pod, whose directory must exist. If it ends with a slash,
                it is the directory that receives the copy.
            progress: Receives the progress, on the thread of the event loop.

        Raises:
            PodFileError: A local file cannot be read.
            ConflictError: The pod is deleted.
            ValidationError: The directory does not exist.
        """
        arguments = {"id": id, "source": os.fspath(source), "destination": destination}
        return summary(await self._session.result(b"pods.upload", arguments, _reporter(progress)))

    async def download(
        self,
        id: str,
        source: str,
        destination: str | os.PathLike[str],
        progress: OnProgress | None = None,
    ) -> TransferSummary:
        """Copies a file or directory of a pod to this machine.

        Nothing is written outside of the copy, whatever the pod sends: links that lead out of it are left out.

        Args:
            id: The pod's ID.
            source: The absolute path in the pod.
            destination: The local path of the copy. If it ends with a slash or is a directory, it receives the copy.
            progress: Receives the progress, on the thread of the event loop.

        Raises:
            PodFileError: A local file cannot be written.
            ValidationError: The path does not exist in the pod.
        """
        arguments = {"id": id, "source": source, "destination": os.fspath(destination)}
        return summary(await self._session.result(b"pods.download", arguments, _reporter(progress)))

    async def logs(self, id: str, tail: int | None = None, *, since: datetime | None = None) -> str:
        """Returns the output of a pod's latest run, also of one that failed to start.

        Args:
            id: The pod's ID.
            tail: The number of lines at the end; None for all.
            since: The earliest time of a line; None for all.

        Returns:
            The output; bytes that are not UTF-8 are replaced.

        Raises:
            ResourceNotFoundError: The pod does not exist.
        """
        text: str = await self._session.call(b"pods.logs", {"id": id, "tail": tail, "since": as_text(since)})
        return text

    def logs_stream(
        self, id: str, *, follow: bool = True, tail: int | None = None, since: datetime | None = None
    ) -> AsyncPodLogs:
        """Returns the output of a pod's latest run as lines that arrive while the program runs.

        Errors, such as `ResourceNotFoundError`, are raised by the loop.

        Args:
            id: The pod's ID.
            follow: Whether to wait for more output until the pod ends. It needs the client's own transport.
            tail: The number of lines before the new ones; None for all.
            since: The earliest time of a line; None for all.
        """
        arguments = {"id": id, "follow": bool(follow), "tail": tail, "since": as_text(since)}
        return AsyncPodLogs(AsyncStream(self._session, b"pods.logs_stream", arguments))

    async def metrics(self, id: str) -> PodMetrics:
        """Returns the latest measurement of a pod that runs.

        Args:
            id: The pod's ID.

        Raises:
            ConflictError: The pod does not run.
        """
        return PodMetrics._from(await self._session.call(b"pods.metrics", {"id": id}))

    def events(self, id: str) -> AsyncPaged[PodEvent]:
        """Returns the events of a pod, newest first.

        Args:
            id: The pod's ID.
        """
        return AsyncPaged(self._session, b"pods.events", "events", PodEvent, {"id": id})


class AsyncVolumes:
    """The volumes: disks that outlive the pods that mount them."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(self, *, project_id: str | None = None) -> AsyncPaged[Volume]:
        """Returns the volumes, newest first.

        Args:
            project_id: The ID of a project; None for the client's own, else all that the token is valid for.
        """
        return AsyncPaged(self._session, b"volumes.list", "volumes", Volume, {"project_id": project_id})

    async def get(self, id: str) -> Volume:
        """Returns a volume.

        Args:
            id: The volume's ID.

        Raises:
            ResourceNotFoundError: The volume does not exist, or the user cannot see it.
        """
        return Volume._from(await self._session.call(b"volumes.get", {"id": id}))

    async def create(self, name: str, *, project_id: str | None = None) -> Volume:
        """Creates an empty volume.

        Args:
            name: The name, which is unique in the project: 1 to 63 characters of `a-z`, `0-9` and `-`.
            project_id: The ID of the project; None for the client's own, else the user's default project.

        Raises:
            QuotaExceededError: The account has too many volumes.
            ValidationError: The name is invalid or exists.
        """
        return Volume._from(await self._session.call(b"volumes.create", {"name": name, "project_id": project_id}))

    async def delete(self, id: str) -> None:
        """Deletes a volume and everything on it.

        Args:
            id: The volume's ID.

        Raises:
            ConflictError: Pods mount the volume; `pod_ids` are theirs.
        """
        await self._session.call(b"volumes.delete", {"id": id})


class AsyncGPUs:
    """The types of GPUs with their availability and price."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self) -> tuple[GPU, ...]:
        """Returns the types of GPUs that the service has, in the order of their names."""
        values = await self._session.call(b"gpus.list")
        return tuple(GPU._from(value) for value in values)


class AsyncBilling:
    """The wallet and the usage of the account."""

    __slots__ = ("_session",)

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def wallet(self) -> Wallet:
        """Returns the balance of the account, and what was credited and spent.

        Raises:
            PermissionError: The token may not read it.
        """
        return Wallet._from(await self._session.call(b"billing.wallet"))

    async def usage(
        self, *, start: datetime | None = None, end: datetime | None = None, group_by: str = "day"
    ) -> Usage:
        """Returns the usage of a period and what it cost.

        Args:
            start: The start of the period, inclusive; None for the first day of this month, in UTC.
            end: The end of the period, exclusive; None for now.
            group_by: The meaning of a row: `day`, `token`, `project` or `pod`.

        Raises:
            PermissionError: The token may not read it.
            ValidationError: The period is invalid.
        """
        arguments = {"from": as_text(start), "to": as_text(end), "group_by": group_by}
        return Usage._from(await self._session.call(b"billing.usage", arguments))


def _reporter(progress: OnProgress | None) -> Callable[[Any], object] | None:
    return None if progress is None else lambda values: progress(TransferProgress(*values))
