"""Every block of docs/python.md runs."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs/python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_there_are_blocks():
    assert len(BLOCKS) >= 17


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.splitlines()[-1][:40])
def test_each_block_of_the_guide(request, signed_in, run_program, text, tmp_path):
    (tmp_path / "home/.podstack").mkdir(mode=0o700)
    variables = {}
    if "client.pods." in text or "client.volumes." in text:
        server = request.getfixturevalue("engine_server")
        variables = {"PODSTACK_API_TOKEN": server.token, "PODSTACK_API_ENDPOINT": server.url}
        # The engine reaches no registry; this image is busybox.
        text = text.replace('"busybox"', '"podstack-test:1"')
    result = run_program(text, **variables)
    if "Authenticated as" in text:
        assert result.stdout == "Authenticated as: you@example.com\n"
