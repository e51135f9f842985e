"""What the documentation names is there: pages and headings, files, make's targets, commands with their options."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from crawlers.cli.app import make_app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")])
# What a path in a page may begin from.
FOLDERS = (ROOT, ROOT / "pipelines", ROOT / "tests")
TOP = "crawlers|pipelines|dags|tests|benchmarks|deploy|docs|extract|metadata|clutter|torture"
COMMAND = re.compile(r"^(?:    )?(?:\S*/)?worldwire ([a-z].*)|`worldwire ([a-z][^`]*)`", re.MULTILINE)


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        led = (page.parent / name).resolve() if name else page
        assert led.exists(), target
        assert not anchor or anchor in anchors(led), target


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_files_and_modules_that_are_named_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for name in re.findall(rf"`((?:{TOP})/[\w./-]+?)/?`", text):
        assert any((folder / f"{name}{ending}").exists() for folder in FOLDERS for ending in ("", ".py")), name
    for module in re.findall(r"python -m ((?:benchmarks|dags|pipelines|crawlers)[\w.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_targets_of_make_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z0-9]+)", page.read_text("utf-8"), re.MULTILINE)) <= targets


def test_commands_and_options_are_there(page: Path) -> None:
    known = typer.main.get_command(make_app())
    for found in COMMAND.findall(page.read_text("utf-8")):
        words = re.split(r"\s{2,}|, |\||`", "".join(found))[0].split()
        command: Any = known
        while words and hasattr(command, "commands"):
            name = words.pop(0)
            assert name in command.commands, found
            command = command.commands[name]
        options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in words if word.startswith("-") and word != "-"} <= options, found
