"""The calls of an asynchronous client.

Importing asyncio takes longer than everything else in this package, so only asynchronous clients import this module.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Callable

from . import _native
from ._session import Callbacks


class AsyncStream:
    """Work of the library whose results arrive one after another; see StreamObject.swift.

    The work begins with the first `next`, and ends with its result, an error, a cancellation or `close`.
    """

    __slots__ = ("_arguments", "_operation", "_parent", "_session")

    def __init__(self, parent: AsyncSession, operation: bytes, arguments: dict[str, Any]) -> None:
        self._parent = parent
        self._operation = operation
        self._arguments = arguments
        self._session: AsyncSession | None = None

    async def next(self) -> dict[str, Any]:
        """Returns the next item as `{"item": …}`, or `{"result": …}` at the end."""
        try:
            if self._session is None:
                values = await self._parent.call(self._operation, self._arguments)
                self._session = AsyncSession(_native.Handle(None, b"", values["handle"]), self._parent.callbacks)
            values = await self._session.call(b"next")
        except BaseException:
            self.close()
            raise
        if "item" not in values:
            self.close()
        found: dict[str, Any] = values
        return found

    def close(self) -> None:
        """Ends the work."""
        if self._session is not None:
            self._session.handle.close()


class AsyncSession:
    """An object of the library whose calls are awaited."""

    __slots__ = ("_loop", "_queue", "callbacks", "deliver", "handle", "tasks")

    def __init__(self, handle: _native.Handle, callbacks: Callbacks) -> None:
        self.handle = handle
        self.callbacks = callbacks
        self.tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: _native.LoopQueue | None = None
        has_callbacks = callbacks.provider or callbacks.transport or callbacks.on_event
        self.deliver = self._deliver if has_callbacks else None
        for text in handle.warnings:
            callbacks.report({"type": "warning", "message": text})

    async def call(self, operation: bytes, arguments: dict[str, Any] | None = None) -> Any:
        loop = asyncio.get_running_loop()
        queue = self._queue
        if queue is None or self._loop is not loop:
            queue = _native.queue(loop)
            self._loop, self._queue = loop, queue
        tag, future = queue.submit(loop, self.handle, operation, arguments, self.deliver)
        try:
            status, data = await future
        except BaseException:
            queue.cancel(tag)
            raise
        if status:
            self.callbacks.raise_from(data)
        return _native._decode(data)

    async def result(
        self, operation: bytes, arguments: dict[str, Any], on_item: Callable[[Any], object] | None
    ) -> Any:
        """Passes on the items of a stream, and returns its result."""
        stream = AsyncStream(self, operation, arguments)
        while True:
            values = await stream.next()
            if "item" not in values:
                return values["result"]
            if on_item is not None:
                try:
                    on_item(values["item"])
                except BaseException:
                    stream.close()
                    raise

    def _deliver(self, message: dict[str, Any]) -> None:
        callbacks = self.callbacks
        if message["kind"] == "event":
            callbacks.report(message["event"])
            return
        try:
            found = callbacks.ask(message)
            if inspect.isawaitable(found):
                task = asyncio.get_running_loop().create_task(self._answer_later(message, found))
                # The loop has only a weak reference to a task.
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
                return
            answer = callbacks.answer(message, found)
        except BaseException as error:
            _native.reply(message["reply"], callbacks.failure(message, error))
            if not isinstance(error, Exception):
                raise
            return
        _native.reply(message["reply"], answer)

    async def _answer_later(self, message: dict[str, Any], found: Any) -> None:
        try:
            answer = self.callbacks.answer(message, await found)
        except BaseException as error:
            _native.reply(message["reply"], self.callbacks.failure(message, error))
            if not isinstance(error, Exception):
                raise
            return
        _native.reply(message["reply"], answer)
