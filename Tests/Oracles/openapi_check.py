"""Checks OpenAPI documents: against the specification, and every example against its schema.

Usage: openapi_check.py QUESTIONS ANSWERS. Reads a list of documents, and writes for each the list of its faults and the number of
examples.
"""
import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator


def examples(value, path=""):
    """Yields the path, the schema and the value of every example."""
    if isinstance(value, dict):
        if "schema" in value and "example" in value:
            yield path, value["schema"], value["example"]
        if "schema" in value and "examples" in value:
            for name, example in value["examples"].items():
                yield f"{path}/{name}", value["schema"], example["value"]
        for key, child in value.items():
            yield from examples(child, f"{path}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from examples(child, f"{path}/{index}")


def check(document):
    faults = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    count = 0
    for path, schema, example in examples(document):
        count += 1
        validator = Draft202012Validator(
            {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER)
        faults += [f"{path}: {error.json_path}: {error.message}" for error in validator.iter_errors(example)]
    return {"faults": faults, "examples": count}


with open(sys.argv[1], encoding="utf-8") as file:
    documents = json.load(file)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump([check(document) for document in documents], file)
