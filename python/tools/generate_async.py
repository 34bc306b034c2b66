#!/usr/bin/env python3
"""Writes src/podstack/_async_resources.py from _resources.py: the same resources, for asyncio.

Usage: generate_async.py [--check]
"""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "src/podstack"
TARGET = FOLDER / "_async_resources.py"


def render():
    text = (FOLDER / "_resources.py").read_text()
    text = text.replace(
        "_async_resources.py is written from this file by tools/generate_async.py.",
        "This file is written from _resources.py by tools/generate_async.py.")
    text = text.replace("The resources of a client.", "The resources of an asynchronous client.")
    text = text.replace("`next()` gives one", "`anext()` gives one")
    names = re.search(r"__all__ = \[(.*)\]", text).group(1).replace('"', "").split(", ")
    # A page has no calls, so both clients use the same type.
    names.remove("Page")
    start, end = text.index("class Page("), text.index("class Paged(")
    text = text[:start] + text[end:]
    text = text.replace('"Page", ', "")
    text = text.replace("from ._session import Session\n", "from ._async_session import AsyncSession\nfrom ._resources import Page\n")
    text = text.replace("Session)", "AsyncSession)").replace(": Session,", ": AsyncSession,").replace("AsyncAsync", "Async")
    for name in names:
        text = re.sub(rf"\b{name}\b(?=[\[(\":])", f"Async{name}", text)
    # Methods that send requests.
    lines, pending = text.split("\n"), None
    for index, line in enumerate(lines):
        if re.match(r"    def \w+\(", line):
            pending = index
        if "self._session.call(" in line and pending is not None:
            lines[pending] = lines[pending].replace("def ", "async def ")
            lines[index] = line.replace("self._session.call(", "await self._session.call(")
            pending = None
    text = "\n".join(lines)
    for name in ("first", "all", "_load"):
        text = text.replace(f"    def {name}(", f"    async def {name}(")
    text = text.replace("def __next__", "async def __anext__").replace("def __iter__", "def __aiter__")
    text = text.replace(".__next__()", ".__anext__()").replace("return self._iterator.", "return await self._iterator.")
    text = text.replace("for item in self._load", "async for item in self._load")
    text = text.replace("= self.page(", "= await self.page(")
    text = re.sub(r"\bIterator\b", "AsyncIterator", text)
    return text


def main():
    text = render()
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != text:
            sys.exit(f"{TARGET} is out of date: run tools/generate_async.py")
    else:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()
