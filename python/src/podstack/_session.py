"""The calls of a client."""

from __future__ import annotations

from typing import Any, Callable, NoReturn

from . import _native, credentials, events, exceptions, transport
from .token import APIToken

OnEvent = Callable[[events.ClientEvent], object]

# The errors of callbacks that may still be raised by calls that wait for them.
_MOST_ERRORS = 64


class Callbacks:
    """The functions of a program that an object of the library calls."""

    def __init__(self, provider: Any, transport: Any, on_event: OnEvent | None) -> None:
        self.provider = provider
        self.transport = transport
        self.on_event = on_event
        self.errors: dict[int, BaseException] = {}
        self.last_error = 0

    def keep(self, error: BaseException) -> int:
        """Keeps an error until the calls that wait for it raise it, and returns its number."""
        self.last_error += 1
        self.errors[self.last_error] = error
        self.errors.pop(self.last_error - _MOST_ERRORS, None)
        return self.last_error

    def report(self, fields: dict[str, Any]) -> None:
        """Passes an event to the program."""
        if self.on_event is None:
            return
        event = events._event(fields)
        if event is not None:
            self.on_event(event)

    def ask(self, message: dict[str, Any]) -> Any:
        """Calls the provider or the transport, and returns its result or an awaitable."""
        if message["kind"] == "credential":
            # Removed, because error reports show the variables of each frame.
            refused = message.pop("refused", None)
            if refused is not None:
                refused = APIToken(refused)
            provide = getattr(self.provider, "credential", None)
            return self.provider() if provide is None else provide(refused)
        return self.transport.send(transport._request(message))

    def answer(self, message: dict[str, Any], result: Any) -> dict[str, Any]:
        """Returns a result as the answer to a message."""
        return credentials._answer(result) if message["kind"] == "credential" else transport._answer(result)

    def failure(self, message: dict[str, Any], error: BaseException) -> dict[str, Any]:
        """Returns an error as the answer to a message."""
        if message["kind"] == "transport":
            if isinstance(error, transport.TransportFailure):
                return {"failure": {"reason": error.reason, "retryable": error.retryable}}
            if isinstance(error, OSError) and not isinstance(error, exceptions.PodstackError):
                reason = error.strerror or str(error) or type(error).__name__
                return {"failure": {"reason": reason, "retryable": True}}
        return {"error": self.keep(error)}

    def raise_from(self, data: bytes) -> NoReturn:
        """Raises the error that a result describes."""
        found = _native.error(data)
        if found is None:
            raise exceptions.ConfigurationError("The call was canceled because the process ends", code="canceled")
        if isinstance(found, int):
            raise self.errors.get(found) or exceptions.PodstackError("A callback failed")
        raise found


class Stream:
    """Work of the library whose results arrive one after another; see StreamObject.swift.

    The work begins with the first `next`, and ends with its result, an error, an interrupt or `close`.
    """

    __slots__ = ("_arguments", "_operation", "_parent", "_session")

    def __init__(self, parent: Session, operation: bytes, arguments: dict[str, Any]) -> None:
        self._parent = parent
        self._operation = operation
        self._arguments = arguments
        self._session: Session | None = None

    def next(self) -> dict[str, Any]:
        """Returns the next item as `{"item": …}`, or `{"result": …}` at the end."""
        try:
            if self._session is None:
                values = self._parent.call(self._operation, self._arguments)
                self._session = Session(_native.Handle(None, b"", values["handle"]), self._parent.callbacks)
            values = self._session.call(b"next")
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


class Session:
    """An object of the library whose calls block."""

    __slots__ = ("callbacks", "deliver", "handle")

    def __init__(self, handle: _native.Handle, callbacks: Callbacks) -> None:
        self.handle = handle
        self.callbacks = callbacks
        has_callbacks = callbacks.provider or callbacks.transport or callbacks.on_event
        self.deliver = self._deliver if has_callbacks else None
        for text in handle.warnings:
            callbacks.report({"type": "warning", "message": text})

    def call(self, operation: bytes, arguments: dict[str, Any] | None = None) -> Any:
        status, data = _native.call(self.handle, operation, arguments, self.deliver)
        if status:
            self.callbacks.raise_from(data)
        return _native._decode(data)

    def result(
        self, operation: bytes, arguments: dict[str, Any], on_item: Callable[[Any], object] | None
    ) -> Any:
        """Passes on the items of a stream, and returns its result."""
        stream = Stream(self, operation, arguments)
        while True:
            values = stream.next()
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
            answer = callbacks.answer(message, callbacks.ask(message))
        except Exception as error:
            _native.reply(message["reply"], callbacks.failure(message, error))
            return
        except BaseException as error:
            raise _native.Interrupted(message["reply"], error) from error
        _native.reply(message["reply"], answer)
