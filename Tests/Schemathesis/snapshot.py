#!/usr/bin/env python3
"""Prints the tokens, projects, members and audit events of an account, one per line, without last-used times.

Usage: snapshot.py URL, with a token of the account in PODSTACK_API_TOKEN.
"""
import json
import os
import sys
import urllib.request


def elements(url, path, name):
    cursor = ""
    while cursor is not None:
        request = urllib.request.Request(
            f"{url}{path}?limit=200{cursor and '&cursor=' + cursor}",
            headers={"Authorization": "Bearer " + os.environ["PODSTACK_API_TOKEN"]})
        with urllib.request.urlopen(request) as response:
            page = json.load(response)
        yield from page[name]
        cursor = page["next_cursor"]


def main(url):
    lines = []
    for path, name in [("/v1/tokens", "tokens"), ("/v1/projects", "projects"), ("/v1/audit-logs", "audit_logs")]:
        found = list(elements(url, path, name))
        lines += [(name, element) for element in found]
        if name == "projects":
            for project in found:
                members = elements(url, f"{path}/{project['id']}/members", "members")
                lines += [("members of " + project["id"], member) for member in members]
    for name, element in lines:
        element.pop("last_used_at", None)
        print(name, json.dumps(element, sort_keys=True))


main(sys.argv[1])
