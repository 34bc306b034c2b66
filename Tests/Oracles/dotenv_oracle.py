"""Writes the variables that python-dotenv reads from files with the given bytes."""

import io
import json
import logging
import os
import sys

from dotenv.main import resolve_variables
from dotenv.parser import parse_stream

logging.disable()


def leading_lines(text):
    return text[: len(text) - len(text.lstrip())].count("\n")


def parse(question):
    os.environ.clear()
    os.environ.update(question["environment"])
    try:
        text = io.TextIOWrapper(io.BytesIO(bytes.fromhex(question["hex"])), encoding="utf-8").read()
    except UnicodeDecodeError as error:
        return {"offset": error.start, "plain": [], "override": [], "errors": []}
    bindings = list(parse_stream(io.StringIO(text, newline="")))
    pairs = [(b.key, b.value) for b in bindings if b.key is not None]
    errors = [b.original.line + leading_lines(b.original.string) for b in bindings if b.error]
    return {
        "plain": list(map(list, resolve_variables(pairs, override=False).items())),
        "override": list(map(list, resolve_variables(pairs, override=True).items())),
        "errors": errors,
    }


with open(sys.argv[1], encoding="utf-8") as questions, open(sys.argv[2], "w", encoding="utf-8") as results:
    json.dump([parse(question) for question in json.load(questions)], results)
