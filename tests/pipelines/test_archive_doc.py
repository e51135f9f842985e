"""docs/archive.md names, for each guarantee, tests that there are."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOC = (TESTS.parent / "docs" / "archive.md").read_text("utf-8")


def names_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_guarantee_names_tests_that_there_are() -> None:
    table = DOC.split("## What it guarantees")[1].split("\n## ")[0]
    guarantees = [line for line in table.splitlines() if line.startswith("| ")][1:]
    named = [(line, re.findall(r"`([\w/]+\.py)::(\w+)`", line)) for line in guarantees]
    assert len(named) > 20
    assert [line for line, tests in named if not tests] == []
    missing = [f"{file}::{test}" for _, tests in named for file, test in tests if test not in names_in(file)]
    assert missing == []
