"""docs/security.md names tests; each of them is there."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=["::".join(filter(None, named)) for named in NAMED])
def test_a_test_that_the_threat_model_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text())
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert not name or name in found


def test_every_line_of_the_threat_model_names_a_test() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.endswith("| test |")]
    assert len(lines) > 25
    assert [line for line in lines if "::" not in line and ".py`" not in line and "make audit" not in line] == []
