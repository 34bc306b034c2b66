"""The C interface of the SDK's library; no other module knows it."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import struct
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict

from . import exceptions

if TYPE_CHECKING:
    import asyncio

Deliver = Callable[[Dict[str, Any]], None]

_INTERFACE = 1
_OK, _ERROR, _PENDING, _MESSAGE = range(4)
# Python runs a signal's handler between two waits, so Ctrl-C takes effect within this time.
_FIRST_WAIT = 50
_CAPACITY = 16 << 10
_RECORD = struct.Struct("=QII")
_decoder = json.JSONDecoder()
# The part of a decoder in C: `decode` itself skips white space with regular expressions, which takes as long.
_scan = _decoder.scan_once  # type: ignore[attr-defined]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _decode(data: bytes) -> Any:
    """Returns the value of a JSON text."""
    text = data.decode()
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return _decoder.decode(text)
    return value if end == len(text) else _decoder.decode(text)


class _Result(ctypes.Structure):
    buffer: int | None
    capacity: int
    data: int | None
    size: int
    handle: int
    _fields_ = [
        ("buffer", ctypes.c_void_p),
        ("capacity", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("handle", ctypes.c_uint64),
    ]


class _Place:
    """Memory for the result of one call at a time."""

    __slots__ = ("address", "memory", "reference", "result")

    def __init__(self, capacity: int) -> None:
        self.memory = ctypes.create_string_buffer(capacity)
        self.address = ctypes.addressof(self.memory)
        self.result = _Result(self.address, capacity, None, 0, 0)
        self.reference = ctypes.byref(self.result)

    def take(self) -> bytes:
        result = self.result
        size: int = result.size
        if size <= result.capacity:
            return ctypes.string_at(self.address, size)
        data = result.data
        assert data is not None
        try:
            return ctypes.string_at(data, size)
        finally:
            _library.free(data)


# The places that no call uses. A call takes one for as long as it runs, and not one for each thread: while a thread waits,
# it runs the handlers of signals and the finalizers of objects, which may make calls of their own.
_places: list[_Place] = []


def _take_place() -> _Place:
    try:
        return _places.pop()
    except IndexError:
        return _Place(_CAPACITY)


def _load() -> ctypes.CDLL:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libPodstackC.so.1")
    try:
        library = ctypes.CDLL(path)
        interface = library.podstack_interface
    except (OSError, AttributeError) as error:
        raise ImportError(
            f"podstack cannot load its library {path}: {error}. Install the wheel for this platform with "
            "`pip install --force-reinstall podstack`, or build one with `scripts/python --wheel DIR`."
        ) from None
    if interface() != _INTERFACE:
        raise ImportError(
            f"podstack's library {path} has interface {interface()} instead of {_INTERFACE}: it belongs to another "
            "version of the package. Install podstack again."
        )
    return library


class _Functions:
    """The functions of the library, with their types."""

    def __init__(self) -> None:
        library = _load()
        # Calls through this one keep the interpreter's lock, which costs less for a function that returns at once.
        quick = ctypes.PyDLL(library._name)
        handle, text, size = ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t
        place = ctypes.c_void_p

        def typed(function: Any, result: Any, *arguments: Any) -> Any:
            function.restype = result
            function.argtypes = arguments
            return function

        status = ctypes.c_int32
        self.open = typed(library.podstack_open, status, text, text, size, place)
        self.close = typed(library.podstack_close, None, handle)
        self.function = typed(library.podstack_function, status, text, text, size, place)
        self.call = typed(library.podstack_call, status, handle, text, text, size, ctypes.c_int64, place)
        self.wait = typed(library.podstack_wait, status, handle, ctypes.c_int64, place)
        self.reply = typed(library.podstack_reply, None, ctypes.c_uint64, text, size)
        self.queue_new = typed(quick.podstack_queue_new, handle)
        self.queue_descriptor = typed(quick.podstack_queue_descriptor, status, handle)
        self.submit = typed(library.podstack_submit, status, handle, text, text, size, handle, ctypes.c_uint64, place)
        self.cancel = typed(library.podstack_cancel, None, handle, ctypes.c_uint64)
        self.queue_take = typed(quick.podstack_queue_take, status, handle, place)
        self.free = typed(quick.podstack_free, None, ctypes.c_void_p)
        self.shutdown = typed(library.podstack_shutdown, None, ctypes.c_int64)
        self.main = typed(library.podstack_main, status, status, ctypes.POINTER(ctypes.c_char_p))
        self.version = typed(quick.podstack_version, ctypes.c_char_p)


class _LazyLibrary:
    """Loads the library when its first function is used, so that importing the package stays fast."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        with _loading:
            if name not in self.__dict__:
                functions = _Functions()
                self.__dict__.update(vars(functions))
                atexit.register(_end)
        return self.__dict__[name]


_loading = threading.Lock()
# A child process must not find the library half loaded.
os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release)
_is_ending = False


def _end() -> None:
    """Ends the calls in progress, because the interpreter ends."""
    global _is_ending
    _is_ending = True
    _library.shutdown(2000)


_library: Any = _LazyLibrary()


def encode(arguments: dict[str, Any] | None) -> bytes:
    """Returns arguments as JSON."""
    if not arguments:
        return b""
    try:
        return _encode(arguments).encode()
    except UnicodeEncodeError:
        # Debuggers and error reports show the variables of each frame, and a token may be among the arguments.
        arguments = None
        raise exceptions.ConfigurationError(
            "An argument contains characters that are not Unicode text", code="invalid_argument"
        ) from None


def version() -> str:
    """Returns the version of the library."""
    text: bytes = _library.version()
    return text.decode()


def error(data: bytes) -> exceptions.PodstackError | int | None:
    """Returns the error that a result describes, the number of the caller's own error, or None for a cancellation."""
    if _is_ending and threading.current_thread() is not threading.main_thread():
        # The interpreter ends without waiting for this thread, which would otherwise print an error that nothing caused.
        while True:
            time.sleep(3600)
    fields = _decode(data)
    kind = fields.get("type")
    if kind == "CallerError":
        number: int = fields["number"]
        return number
    if kind == "CancellationError":
        return None
    return exceptions._from_fields(fields)


def _raise(data: bytes) -> None:
    found = error(data)
    if isinstance(found, exceptions.PodstackError):
        raise found
    raise exceptions.ConfigurationError("The call was canceled because the process ends", code="canceled")


def function(name: bytes, arguments: dict[str, Any] | None = None) -> Any:
    """Runs a function that sends no request."""
    try:
        encoded = encode(arguments)
        place = _take_place()
        status = _library.function(name, encoded, len(encoded), place.reference)
        data = place.take()
        _places.append(place)
    finally:
        # Error reports show the variables of each frame, and a token may be among the arguments.
        encoded, arguments = b"", None
    if status != _OK:
        _raise(data)
    return _decode(data)


def reply(number: int, answer: dict[str, Any]) -> None:
    """Answers a message."""
    encoded = encode(answer)
    _library.reply(number, encoded, len(encoded))


class Handle:
    """An object of the library, which is closed when it is no longer used."""

    __slots__ = ("__weakref__", "_close", "number", "warnings")

    def __init__(self, kind: bytes | None, arguments: bytes, number: int = 0) -> None:
        self.number = 0
        self.warnings: list[str] = []
        try:
            self._close = _library.close
            if kind is None:
                self.number = number
                return
            place = _take_place()
            status = _library.open(kind, arguments, len(arguments), place.reference)
            data = place.take()
            if status == _OK:
                self.number = place.result.handle
            _places.append(place)
        finally:
            arguments = b""
        if status != _OK:
            _raise(data)
        if data != b"{}":
            self.warnings = _decode(data).get("warnings", [])

    def close(self) -> None:
        number, self.number = self.number, 0
        if number:
            self._close(number)

    def __del__(self) -> None:
        self.close()


class Interrupted(BaseException):
    """An interrupt of a callback, such as Ctrl-C, before it could answer a message."""

    def __init__(self, number: int, error: BaseException) -> None:
        super().__init__(number)
        self.number = number
        self.error = error


def call(
    handle: Handle, operation: bytes, arguments: dict[str, Any] | None, deliver: Deliver | None
) -> tuple[int, bytes]:
    """Runs an operation, and returns whether it failed and its result."""
    encoded = encode(arguments) if arguments else b""
    place = _take_place()
    status = _library.call(handle.number, operation, encoded, len(encoded), _FIRST_WAIT, place.reference)
    if status > _ERROR:
        status = _finish(place.result.handle, status, place, deliver)
    data = place.take()
    _places.append(place)
    return status, data


def _finish(number: int, status: int, place: _Place, deliver: Deliver | None) -> int:
    """Waits until a call ends, and returns whether it failed; its result is in the place."""
    pause = _FIRST_WAIT if threading.current_thread() is threading.main_thread() else 1000
    try:
        while status > _ERROR:
            if status == _MESSAGE and deliver is not None:
                deliver(_decode(place.take()))
            status = _library.wait(number, pause, place.reference)
        return status
    except Interrupted as interrupted:
        # Closed first, so that another call that waits for the answer gets the message.
        _library.close(number)
        reply(interrupted.number, {"handed_back": True})
        raise interrupted.error from None
    except BaseException:
        _library.close(number)
        raise


class LoopQueue:
    """Passes the results of many calls to one event loop.

    It has no reference to the loop, because the loop is the key of a weak dictionary.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._close = _library.close
        self._handle: int = _library.queue_new()
        descriptor = _library.queue_descriptor(self._handle)
        if descriptor < 0:
            raise exceptions.NetworkError("Too many files are open")
        self._place = _Place(256 << 10)
        self._last = 0
        self._waiting: dict[int, tuple[asyncio.Future[tuple[int, bytes]], Deliver | None]] = {}
        loop.add_reader(descriptor, self._take)

    def __del__(self) -> None:
        self._close(self._handle)

    def submit(
        self,
        loop: asyncio.AbstractEventLoop,
        handle: Handle,
        operation: bytes,
        arguments: dict[str, Any] | None,
        deliver: Deliver | None,
    ) -> tuple[int, asyncio.Future[tuple[int, bytes]]]:
        encoded = encode(arguments) if arguments else b""
        self._last = tag = self._last + 1
        future = loop.create_future()
        self._waiting[tag] = (future, deliver)
        place = _take_place()
        status = _library.submit(
            handle.number, operation, encoded, len(encoded), self._handle, tag, place.reference
        )
        if status != _PENDING:
            del self._waiting[tag]
            future.set_result((status, place.take()))
        _places.append(place)
        return tag, future

    def cancel(self, tag: int) -> None:
        _library.cancel(self._handle, tag)

    def _take(self) -> None:
        place = self._place
        if _library.queue_take(self._handle, place.reference) != _OK:
            return
        data = place.take()
        offset, end = 0, len(data)
        waiting = self._waiting
        interrupt: BaseException | None = None
        while offset < end:
            tag, status, size = _RECORD.unpack_from(data, offset)
            offset += 16
            content = data[offset : offset + size]
            offset += size
            if status == _MESSAGE:
                found = waiting.get(tag)
                if found is not None and found[1] is not None:
                    try:
                        found[1](_decode(content))
                    except Exception as error:
                        # The records that follow belong to other calls.
                        context = {"message": "A callback of a podstack client failed", "exception": error}
                        found[0].get_loop().call_exception_handler(context)
                    except BaseException as error:
                        interrupt = error
                continue
            found = waiting.pop(tag, None)
            if found is not None and not found[0].done():
                found[0].set_result((status, content))
        if interrupt is not None:
            raise interrupt


_queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopQueue] = weakref.WeakKeyDictionary()


def queue(loop: asyncio.AbstractEventLoop) -> LoopQueue:
    """Returns the queue of an event loop."""
    found = _queues.get(loop)
    if found is None:
        found = _queues[loop] = LoopQueue(loop)
    return found


def main(words: list[bytes]) -> int:
    """Runs the command line."""
    array = (ctypes.c_char_p * len(words))(*words)
    status: int = _library.main(len(words), array)
    return status
