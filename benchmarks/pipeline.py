"""The whole way of a page beside what others would write: CPU and wall time a page, from the same sites in one run.

    python -m benchmarks.pipeline --shared FOLDER [--copies 2] [--rounds 3] [--keep FILE] [--only NAME]...

FOLDER holds the measuring sets (`extraction-dev/*/pages.jsonl.gz`). CPU is that of a whole command with all it starts;
start-up is taken off by running the same command against the same sites with one page each. The figures are medians
over the rounds, in each of which all contenders come once. F1 is that of the texts of the pages that have gold.

news-please and fundus come too with `--others PYTHON`, the interpreter of an environment in which they are installed.
They may ask other hosts at will, so the whole is then to be run where there is only a loopback:

    unshare -rn sh -c 'ip link set lo up && exec python -m benchmarks.pipeline --shared FOLDER --others PYTHON'
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.costs import Cost, cost_of
from benchmarks.page_score import score_texts
from benchmarks.page_sites import ETAGS, GoldText, PageSet
from benchmarks.pipeline_ours import Archive

PORT = 18777
SITES = 2
CHANGED_EVERY = 10
_OTHERS = "WORLDWIRE_BENCH_OTHERS"
PEERS = {
    "fetch": "bare Scrapy, fetch only",
    "callback": "Scrapy, trafilatura in the callback",
    "pool": "Scrapy, trafilatura in two processes",
    "memory": "trafilatura alone, two processes, pages in memory",
    "whole": "the naive whole: callback, warcio, datasketch, Parquet",
    "unchanged": "bare Scrapy, all answers 304",
}
_WITH_TEXTS = frozenset({"callback", "pool", "memory", "whole", "newsplease", "fundus"})
OTHERS = {
    "newsplease": "news-please",
    "fundus": "fundus, with a parser that takes every paragraph",
}
OURS = {
    "our-crawl": "worldwire crawl: robots, fetch, WARC, frontier",
    "our-publish": "worldwire publish: extract, clean, stories, tables",
    "our-whole": "worldwire, the whole way",
    "our-unchanged": "worldwire crawl, all answers 304",
    "our-recrawl": "worldwire, the whole way again, 9 of 10 pages unchanged",
    "our-again": "worldwire crawl, feeds unchanged, no page due",
}


@dataclass(frozen=True, slots=True)
class World:
    """The prepared sites: with one page each, with all pages, and the same later: some pages have other texts."""

    few: Sequence[Path]
    few_later: Sequence[Path]
    all: Sequence[Path]
    all_later: Sequence[Path]
    gold: Mapping[str, GoldText]
    size: int


@dataclass(frozen=True, slots=True)
class Round:
    """By contender: cost with one page a site, cost with all, F1 where it gives texts."""

    few: Mapping[str, Cost]
    all: Mapping[str, Cost]
    f1: Mapping[str, float]

    def pages_cost(self, name: str) -> Cost:
        """What the pages cost, start-up taken off."""
        return self.all[name] - self.few[name]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--shared", type=Path, required=True)
    words.add_argument("--copies", type=int, default=2)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--keep", type=Path, help="a file to which the rounds are added; the table is of all in it")
    words.add_argument("--others", help="a Python that has news-please and fundus")
    words.add_argument("--only", action="append", choices=[*PEERS, *OTHERS, "ours"], help="all if left out")
    given = words.parse_args()
    if given.others and [name for _, name in socket.if_nameindex()] != ["lo"]:
        sys.exit("--others needs a network namespace with nothing but a loopback (see --help).")
    folders = sorted(path.parent for path in (given.shared / "extraction-dev").glob("*/pages.jsonl.gz"))
    if not folders:
        sys.exit(f"{given.shared} has no extraction-dev/*/pages.jsonl.gz")
    chosen = given.only or [*PEERS, *(OTHERS if given.others else ()), "ours"]
    with tempfile.TemporaryDirectory(prefix="pipeline-") as name:
        folder = Path(name)
        world = _prepare(folders, given.copies, folder / "sites")
        environment = _environment(folder, given.others)
        _costs(world.few, world.few_later, chosen, folder / "warm-up", environment)  # compiles what is imported
        rounds = [_round(world, chosen, folder / f"round-{at}", environment) for at in range(given.rounds)]
    if given.keep:
        with given.keep.open("a") as file:
            file.writelines(f"{json.dumps(asdict(one))}\n" for one in rounds)
        rounds = [_kept(line) for line in given.keep.read_text().splitlines()]
    _show(rounds, [name for name in (*PEERS, *OTHERS, *OURS) if name in rounds[0].all], world.size)


def _kept(line: str) -> Round:
    values = json.loads(line)
    few, every = ({name: Cost(**cost) for name, cost in values[which].items()} for which in ("few", "all"))
    return Round(few, every, values["f1"])


def _prepare(folders: Sequence[Path], copies: int, target: Path) -> World:
    pages = PageSet(folders, copies, SITES, PORT)
    return World(
        few=pages.write_sites(target / "few", most=1),
        few_later=pages.write_sites(target / "few-later", most=1, changed_every=1),
        all=pages.write_sites(target / "all"),
        all_later=pages.write_sites(target / "all-later", changed_every=CHANGED_EVERY),
        gold=pages.gold(),
        size=pages.size,
    )


def _environment(folder: Path, others: str | None) -> dict[str, str]:
    """What commands run in: compiled modules are kept, as they are on any machine that runs this more than once."""
    changed = {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "WORLDWIRE_ALLOW_PRIVATE": "127.0.3.0/24"}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | changed | ({_OTHERS: others} if others else {})


def _round(world: World, chosen: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Round:
    few = _costs(world.few, world.few_later, chosen, folder / "few", environment)
    every = _costs(world.all, world.all_later, chosen, folder / "all", environment)
    found = {path.parent.name: _texts(path) for path in sorted((folder / "all").glob("*/rows.jsonl"))}
    silent = [name for name in chosen if name in _WITH_TEXTS and not any(found.get(name, {}).values())]
    if silent:  # Scrapy ends well whatever breaks in a spider
        sys.exit(f"{', '.join(silent)} gave no text: what it needs is in the group bench (make bench).")
    return Round(few, every, {name: _f1(texts, world.gold) for name, texts in found.items() if texts})


def _costs(
    sites: Sequence[Path], later: Sequence[Path], chosen: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> dict[str, Cost]:
    """What each contender costs with these sites."""
    feeds = [f"http://127.0.3.{number}:{PORT}/feed.xml" for number in range(1, SITES + 1)]
    costs: dict[str, Cost] = {}
    archive = Archive(folder / "our-whole", feeds, environment)
    with _serving(sites):
        for name in (*PEERS, *OTHERS):
            if name in chosen:
                costs[name] = cost_of(_command(name, folder / name, sites, feeds, environment), environment)
        if "ours" not in chosen:
            return costs
        costs["our-crawl"] = archive.crawl()
        costs["our-publish"] = archive.publish()
        costs["our-whole"] = costs["our-crawl"] + costs["our-publish"]
        archive.export()
        costs["our-again"] = archive.crawl()
        archive.make_pages_due()
        costs["our-unchanged"] = archive.crawl()
        assert archive.last_unchanged() == len(_pages_of(sites))
    with _serving(later):
        archive.make_pages_due()
        costs["our-recrawl"] = archive.crawl() + archive.publish()
    return costs


def _pages_of(sites: Sequence[Path]) -> list[str]:
    return [url for url in json.loads(sites[0].with_name(ETAGS).read_text()) if url.endswith(".html")]


def _command(
    name: str, out: Path, sites: Sequence[Path], feeds: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    out.mkdir(parents=True)
    if name in OTHERS:
        script = Path(__file__).with_name("pipeline_others.py")
        return [environment[_OTHERS], "-P", str(script), name, str(out), *feeds]
    command = [sys.executable, "-m", "benchmarks.pipeline_peers", name, str(out)]
    if name == "memory":
        return [*command, "--sites", *map(str, sites)]
    known = ["--etags", str(sites[0].with_name(ETAGS))] if name == "unchanged" else []
    return [*command, "--feeds", *feeds, *known]


@contextlib.contextmanager
def _serving(sites: Sequence[Path]) -> Iterator[None]:
    """The sites as a process of their own."""
    command = [sys.executable, "-m", "benchmarks.page_sites", *map(str, sites), "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().strip() == "ready"
            yield
        finally:
            server.terminate()


def _texts(path: Path) -> dict[str, str]:
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return {row["url"]: row["text"] or "" for row in rows}


def _f1(texts: Mapping[str, str], gold: Mapping[str, GoldText]) -> float:
    return score_texts([(page.gold, page.optional, texts.get(url, "")) for url, page in gold.items()]).f1


def _show(rounds: Sequence[Round], names: Sequence[str], size: int) -> None:
    def median(figure: Callable[[Round], float]) -> float:
        return statistics.median(map(figure, rounds))

    pages = size - SITES
    table = Table(title=f"{size} pages, {SITES} sites, {len(rounds)} rounds (medians)")
    columns = (
        "",
        "ms CPU a page",
        "naive whole by it",
        "pages/s, all in",
        "start-up, s CPU",
        "whole command, s CPU",
        "F1",
    )
    for column in columns:
        table.add_column(column, justify="left" if not column else "right")
    for name in names:
        share = (
            f"{median(lambda one, name=name: one.pages_cost('whole').cpu / one.pages_cost(name).cpu):.2f}"
            if "whole" in names
            else ""
        )
        table.add_row(
            {**PEERS, **OTHERS, **OURS}[name],
            f"{median(lambda one, name=name: 1000 * one.pages_cost(name).cpu / pages):.2f}",
            share,
            f"{median(lambda one, name=name: size / one.all[name].wall):.0f}",
            f"{median(lambda one, name=name: one.few[name].cpu):.1f}",
            f"{median(lambda one, name=name: one.all[name].cpu):.1f}",
            f"{rounds[0].f1[name]:.3f}" if name in rounds[0].f1 else "",
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
