"""Every block of docs/python.md runs."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs/python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_there_are_blocks():
    assert len(BLOCKS) >= 14


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.splitlines()[-1][:40])
def test_each_block_of_the_guide(signed_in, run_program, text, tmp_path):
    (tmp_path / "home/.podstack").mkdir(mode=0o700)
    result = run_program(text)
    if "Authenticated as" in text:
        assert result.stdout == "Authenticated as: you@example.com\n"
