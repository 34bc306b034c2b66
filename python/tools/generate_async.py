#!/usr/bin/env python3
"""Writes the classes for asyncio from the others: those of the resources, the client and the login.

Usage: generate_async.py [--check]
"""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "src/podstack"
MARK = "# The classes for asyncio, written from those above by tools/generate_async.py.\n"


# A call of the library, which the caller awaits.
CALL = r"self\._session\.(call|result)\("


def replace(text, *pairs):
    """Replaces what occurs exactly once, so that a change of the original cannot be missed."""
    for old, new in pairs:
        if text.count(old) != 1:
            sys.exit(f"{text.count(old)} of 1 found in the original: {old!r}")
        text = text.replace(old, new)
    return text


def awaiting(text):
    """Returns a text whose methods await the calls of their session."""
    lines, pending = text.split("\n"), None
    for index, line in enumerate(lines):
        if re.match(r"    def \w+\(", line):
            pending = index
        if re.search(CALL, line) and pending is not None:
            lines[pending] = lines[pending].replace("def ", "async def ")
            lines[index] = re.sub(CALL, r"await \g<0>", line)
            pending = None
    return "\n".join(lines)


def renamed(text, names):
    """Returns a text in which classes have the prefix Async."""
    for name in names:
        text = re.sub(rf"\b{name}\b(?!`)", f"Async{name}", text)
    return text


def resource_names(text):
    return re.search(r"__all__ = \[(.*)\]", text).group(1).replace('"', "").split(", ")


def resources():
    text = (FOLDER / "_resources.py").read_text()
    names = resource_names(text)
    # A page has no calls, so both clients use the same type.
    names.remove("Page")
    start, end = text.index("class Page("), text.index("class Paged(")
    text = replace(
        text[:start] + text[end:],
        (
            "_async_resources.py is written from this file by tools/generate_async.py.",
            "This file is written from _resources.py by tools/generate_async.py.",
        ),
        ("The resources of a client.", "The resources of an asynchronous client."),
        ("`next()` gives one", "`anext()` gives one"),
        ('"Page", ', ""),
        ("from ._session import Session\n", "from ._async_session import AsyncSession\nfrom ._resources import Page\n"),
    )
    text = text.replace("Session)", "AsyncSession)").replace(": Session,", ": AsyncSession,").replace("AsyncAsync", "Async")
    for name in names:
        text = re.sub(rf"\b{name}\b(?=[\[(\":])", f"Async{name}", text)
    text = awaiting(text)
    for name in ("first", "all", "_load"):
        text = text.replace(f"    def {name}(", f"    async def {name}(")
    text = text.replace("def __next__", "async def __anext__").replace("def __iter__", "def __aiter__")
    text = text.replace(".__next__()", ".__anext__()").replace("return self._iterator.", "return await self._iterator.")
    text = text.replace("for item in self._load", "async for item in self._load")
    text = text.replace("= self.page(", "= await self.page(")
    return {"_async_resources.py": re.sub(r"\bIterator\b", "AsyncIterator", text)}


def pods():
    text = (FOLDER / "_pods.py").read_text()
    names = resource_names(text)
    text = replace(
        text,
        (
            "_async_pods.py is written from this file by tools/generate_async.py.",
            "This file is written from _pods.py by tools/generate_async.py.",
        ),
        ("that cost money.", "that cost money, of an asynchronous client."),
        ("from ._resources import Paged\nfrom ._session import Session, Stream\n",
         "from ._async_resources import AsyncPaged\nfrom ._async_session import AsyncSession, AsyncStream\n"),
        ("end of a `with` block", "end of an `async with` block"),
        ("def __iter__", "def __aiter__"),
        ("def __next__", "async def __anext__"),
        ("raise StopIteration", "raise StopAsyncIteration"),
        ("values = self._stream.next()", "values = await self._stream.next()"),
        ("def close(", "async def close("),
        ("def __enter__", "async def __aenter__"),
        ("def __exit__", "async def __aexit__"),
        ("        self.close()\n", "        await self.close()\n"),
    )
    text = text.replace("on the thread that makes the call", "on the thread of the event loop")
    for name in (*names, "Paged", "Session", "Stream"):
        text = re.sub(rf"\b{name}\b(?=[\[(\":)>\n])|(?<=<podstack\.){name}\b", f"Async{name}", text)
    # The imports are in the order of their names.
    lines = text.split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("from ._arguments"))
    moved = [line for line in lines if line.startswith("from ._async_")]
    lines = [line for line in lines if line not in moved]
    end = lines.index(")", start) + 1
    lines[end:end] = moved
    return {"_async_pods.py": awaiting("\n".join(lines))}


def client():
    text = (FOLDER / "_client.py").read_text()
    found = resource_names((FOLDER / "_resources.py").read_text()) + resource_names((FOLDER / "_pods.py").read_text())
    names = [name for name in found if not name.startswith("Page") and name != "PodLogs"]
    imports = re.search(
        r"from \._open .*?\nfrom \._pods import (.*)\nfrom \._resources import (.*)\nfrom \._session .*\n", text)
    text = replace(
        text,
        (
            "The client.\n\n_async_client.py is written from this file by tools/generate_async.py.",
            "The client for asyncio.\n\nThis file is written from _client.py by tools/generate_async.py.",
        ),
        (
            imports.group(),
            f"from ._async_pods import {imports.group(1)}\nfrom ._async_resources import {imports.group(2)}\n"
            "from ._async_session import AsyncSession\n"
            "from ._open import open_handle\nfrom ._session import Callbacks, OnEvent\n",
        ),
        (
            "A client of the Podstack API.\n",
            "A client of the Podstack API for asyncio, with any event loop that has `add_reader`, such as uvloop.\n",
        ),
        (
            "    client = Client()\n    user = client.auth.whoami()\n"
            '    print(f"Authenticated as: {user.email}")\n',
            "    async with AsyncClient() as client:\n        user = await client.auth.whoami()\n"
            "        async for token in client.tokens.list():\n            print(token.name)\n",
        ),
        (
            "    A client may be shared by threads. It is closed when it is no longer used, at the end of a `with` block, or by\n"
            "    `close()`. Creating one sends no request.\n",
            "    Canceling a task cancels its request. A client may be used by several event loops. It is closed when it is no\n"
            "    longer used, at the end of an `async with` block, or by `close()`. Creating one reads the settings and sends no\n"
            "    request.\n",
        ),
        (
            "        credentials: A provider of tokens, used instead of `api_token` and `profile`: see `podstack.credentials`.\n",
            "        credentials: A provider of tokens, used instead of `api_token` and `profile`, whose function may be a\n"
            "            coroutine: see `podstack.credentials`. One that is not a coroutine blocks the event loop while it runs.\n",
        ),
        (
            "        transport: The transport that sends the requests; None uses libcurl: see `podstack.transport`.\n",
            "        transport: The transport that sends the requests, whose `send` may be a coroutine; None uses libcurl: see\n"
            "            `podstack.transport`.\n",
        ),
        ("on the thread that makes the call", "on the thread of the event loop"),
        ("SyncCredentials | None", "AsyncCredentials | None"),
        ("import SyncCredentials", "import AsyncCredentials"),
        ("import Transport", "import AsyncTransport, Transport"),
        ("transport: Transport | None", "transport: AsyncTransport | Transport | None"),
        ("= Session(handle", "= AsyncSession(handle"),
        ("    @property\n    def configuration", "    def configuration"),
        ('"""The settings in use', '"""Returns the settings in use'),
        ("def close(", "async def close("),
        ("def __enter__", "async def __aenter__"),
        ("def __exit__", "async def __aexit__"),
        ("        self.close()\n", "        await self.close()\n"),
        ('"a Client cannot', '"an Client cannot'),
    )
    text = re.sub(r"(?<![\w.])Client\b(?!`)|(?<=<podstack\.)Client\b", "AsyncClient", text)
    for name in names:
        text = re.sub(rf"(?<=[ ,]){name}(?=[,\n(])", f"Async{name}", text)
    return {"_async_client.py": awaiting(text)}


def login():
    text = (FOLDER / "login.py").read_text()
    original = text[: text.index(MARK)]
    start, shared, end = (original.index(f"class {name}") for name in ("DeviceLogin:", "_Code:", "DeviceLoginRequest("))
    classes = replace(
        original[start:shared] + original[end:],
        ("without a token; creating one sends no request.", "without a token, for asyncio; creating one sends no request."),
        ("a user has yet to approve.", "a user has yet to approve, for asyncio."),
        ("transport: Transport | None", "transport: AsyncTransport | Transport | None"),
        ("        handle = open_handle(", "        from ._async_session import AsyncSession\n\n        handle = open_handle("),
        ("        self._read(values)\n", "        from ._async_session import AsyncSession\n\n        self._read(values)\n"),
    )
    classes = awaiting(renamed(classes, ("Session", "DeviceLogin", "DeviceLoginRequest")))
    return {"login.py": original + MARK + "\n\n" + classes.rstrip() + "\n"}


def main():
    for name, text in {**resources(), **pods(), **client(), **login()}.items():
        target = FOLDER / name
        if "--check" in sys.argv[1:]:
            if target.read_text() != text:
                sys.exit(f"{target} is out of date: run tools/generate_async.py")
        else:
            target.write_text(text)


if __name__ == "__main__":
    main()
