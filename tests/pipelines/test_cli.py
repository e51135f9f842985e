"""The archive's commands: what they print, what they end with, and one sentence for a user's mistake."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from pipelines.archive import Archive, TableRows
from pipelines.capture import CaptureWriter, write_report
from pipelines.cli.app import add_commands
from pipelines.cli.entry import new_app, run_app
from pipelines.cli.start import add_start
from pipelines.cli.terminal import printable, show_table
from pipelines.model import RawPage, RunReport, SourceFacts
from pipelines.publish import publish_new_captures
from pipelines.readers import word_difference
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from pipelines.upkeep import ReextractReport, TextChange

SOURCE = SourceFacts(id="a-paper", name="A Paper", homepage="https://example.com/")
MOMENT = datetime(2026, 11, 20, 6, tzinfo=UTC)
PARAGRAPHS = (
    "The council of Lower Tarn voted on Tuesday to keep the old ferry running until the new bridge is finished.",
    "Mayor Edda Brink said the decision would cost the town about 40,000 crowns a year, less than a bus line would.",
    "Two members voted against it, arguing that the ferry carries fewer than thirty passengers on most days.",
    "The bridge, delayed three times since work began in 2022, is now expected to open in the spring of next year.",
)


def page_of(paragraphs: tuple[str, ...], *, title: str = "Tarn keeps its ferry", minute: int = 30) -> bytes:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    comments = (
        '<div id="respond" class="comment-respond"><h3>Leave a Reply</h3><p>Your email will not be shown.</p></div>'
    )
    head = f'<title>{title}</title><meta property="article:published_time" content="2026-11-20T05:{minute}:00Z">'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body><nav><a href="/">Home</a></nav>'
        f"<article><h1>{title}</h1>{body}</article>{comments}</body></html>"
    ).encode()


class Ended:
    """What a command printed and ended with."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def worldwire(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process."""
    for name in ("WORLDWIRE_ARCHIVE", "WORLDWIRE_SOURCES"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Ended:
        app = new_app("Tests.")
        add_start(app)
        add_commands(app)
        code = run_app(app, [str(argument) for argument in arguments], name="worldwire")
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_bytes(page_of(PARAGRAPHS))
    return path


@dataclass(frozen=True)
class Made:
    """An archive with one story: the original, and an edited copy of it at another address."""

    folder: Path
    story_id: str
    article_id: str
    copy_id: str

    def __str__(self) -> str:
        return str(self.folder)


@pytest.fixture
def made(made_once: Made, tmp_path: Path) -> Made:
    return replace(made_once, folder=Path(shutil.copytree(made_once.folder, tmp_path / "archive")))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """As a crawl and a publish leave it."""
    folder = tmp_path_factory.mktemp("made")
    settings = ArchiveSettings(uri=str(folder / "archive"), spool=folder / "spool")
    store = open_store(settings.uri)
    run_id = "20261120T060000-test"
    writer = CaptureWriter(store, settings.spool, SOURCE, run_id, MOMENT, user_agent="worldwire/0.1 (+x)")
    edited = (PARAGRAPHS[0].replace("Tuesday", "Tuesday night"), *PARAGRAPHS[1:])
    for number, paragraphs in enumerate((PARAGRAPHS, edited)):
        url = f"https://example.com/ferry{number or ''}"
        writer.write(
            RawPage(
                source=SOURCE,
                run_id=run_id,
                requested_url=url,
                url=url,
                status=200,
                headers=(("Content-Type", "text/html; charset=utf-8"), ("Server", "tests")),
                body=page_of(paragraphs, minute=30 + number),
                fetched_at=MOMENT,
                request_headers=(("User-Agent", "worldwire/0.1 (+x)"),),
            )
        )
    report = RunReport(
        run_id=run_id,
        source_id=SOURCE.id,
        started_at=MOMENT,
        ended_at=MOMENT,
        outcome="ok",
        discovered=2,
        asked=4,
        captured=2,
        captures=writer.close(),
        dag_run_id="manual__1",
    )
    write_report(store, report)
    publish_new_captures(settings, now=MOMENT, workers=1)
    archive = Archive(store)
    rows = archive.dataset("appearances")
    assert rows is not None
    first, second = rows.to_table().sort_by("url").to_pylist()
    assert (first["kind"], first["story_id"]) == ("original", second["story_id"])
    alias = {"story_id": "story-0", "same_as_story_id": first["story_id"], "found_at": MOMENT}
    archive.commit(
        {"story_aliases": TableRows(added=[alias])},
        after=archive.open_for_publishing(),
        captures=[],
        kind="publish",
        now=MOMENT,
    )
    return Made(folder / "archive", first["story_id"], first["article_id"], second["appearance_id"])


def test_export_writes_a_file_and_says_how_many_rows(worldwire: Any, made: Made, tmp_path: Path) -> None:
    output = tmp_path / "appearances.jsonl"
    ended = worldwire("export", "-a", made, "--table", "appearances", "-o", output)
    assert (ended.code, ended.out) == (0, "")
    assert "2 rows of appearances" in ended.err
    assert len({json.loads(line)["url"] for line in output.read_text().splitlines()}) == 2


def test_the_environment_names_the_archive(
    worldwire: Any, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDWIRE_ARCHIVE", str(made))
    assert worldwire("export", "-o", tmp_path / "x.csv", "--format", "csv", "--since", "2026-11-21").code == 0
    assert (tmp_path / "x.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("export", "-o", "x"), 2, "No archive is named: give --archive"),
        (("export", "-o", "x", "-a", "ftp://x/y"), 2, "neither a folder nor of the form s3://"),
        (("export", "-o", "x", "-a", "{tmp}/nowhere"), 3, "There is no archive at"),
        (("export", "-a", "x"), 2, "--output"),
        (("export", "-o", "x", "--since", "yesterday"), 2, "--since is 'yesterday'; give a day as 2026-11-20."),
        (("export", "-o", "x", "--since", "2026-11-21", "--until", "2026-11-20"), 2, "is after --until"),
        (("export", "-o", "x", "--as-of", "yesterday"), 2, "--as-of is 'yesterday'; give a time as 2026-11-20T18:00Z."),
        (
            ("export", "-o", "x", "-a", "{archive}", "--table", "runs", "--as-of", "2026-11-20"),
            2,
            "Only articles can be had",
        ),
        (("export", "-o", "x", "--since-version", "1", "--source", "y"), 2, "--since-version takes the whole table"),
        (("export", "-o", "x", "-a", "{archive}", "--since-version", "99"), 2, "it never was at 99."),
        (("export", "-o", "x", "--format", "xlsx"), 2, "xlsx"),
        (("export", "-o", "x", "--fromat", "csv"), 2, "--fromat"),
        (("export", "-o", "x", "--table", "article"), 2, "'--table': 'article' is not one of 'articles'"),
        (("export", "-o", "x", "--table", "article"), 2, "(See worldwire export --help.)"),
        (("export", "-o", "x", "--since", "2026-W48"), 2, "--since is '2026-W48'; give a day as 2026-11-20."),
        (
            ("export", "-o", "x", "-a", "{archive}", "--source", "a-papre"),
            2,
            "no source 'a-papre'; did you mean 'a-paper'?",
        ),
        (("export", "-o", "x", "-a", "s3://"), 2, "neither a folder nor of the form s3://bucket/prefix"),
        (("export", "-o", "x", "-a", "s3:/bucket/x"), 2, "neither a folder nor of the form s3://bucket/prefix"),
        (("export", "-o", "x", "-a", "s3://no bucket/x"), 2, "neither a folder nor of the form s3://bucket/prefix"),
        (("quarantine", "list", "-a", "{archive}", "--source", "x"), 2, "has no source 'x'"),
        (("quarantine", "list", "-a", "{archive}", "--reason", "no_txt"), 2, "for 'no_txt'; did you mean 'no_text'?"),
        (("quarantine", "replay", "-a", "{archive}", "--reason", "x"), 2, "No page is held for 'x'."),
        (("exprot",), 2, "exprot"),
        (("status", "-a", "{tmp}/nowhere"), 3, "There is no archive at"),
        (("publish", "-a", "{tmp}/nowhere"), 3, "There is no archive at"),
        (("story", "x", "-a", "{archive}"), 2, "has no story, article or appearance 'x'"),
        (("trace", "x", "-a", "{archive}"), 2, "has no article or appearance 'x'"),
        (("reextract", "-a", "{archive}", "--since", "2026-11-21", "--until", "2026-11-20"), 2, "is after --until"),
        (("reextract", "-a", "{archive}", "--since", "2026-11-21"), 2, "--until"),
        (("takedown", "-a", "{archive}", "--reason", "x"), 2, "Name exactly one of --url, --article and --source."),
        (("takedown", "-a", "{archive}", "--url", "https://example.com/"), 2, "--reason"),
        (("takedown", "-a", "{archive}", "--reason", "x", "--article", "y", "--yes"), 2, "has no article 'y'"),
        (("takedown", "-a", "{archive}", "--reason", "x", "--url", "y", "--yes"), 2, "--url is 'y'; give an address"),
        (
            ("reextract", "-a", "{archive}", "--since", "2026-11-20", "--until", "2026-11-20", "--source", "x"),
            2,
            "no source 'x'",
        ),
        (("compact", "-a", "{tmp}/nowhere"), 3, "There is no archive at"),
        (("extract", "{tmp}/nowhere.html"), 2, "cannot be read: No such file or directory"),
        (("extract", "{tmp}"), 2, "cannot be read: Is a directory"),
        (("extract", "{page}", "--html", "x.html"), 2, "--html goes with --explain"),
        (("extract", "{page}", "--url", "a page"), 2, "--url is 'a page'; give an address as https://"),
        (("clean", sys.executable), 2, "is no UTF-8 text."),
        (("clean", "{tmp}/nowhere.txt"), 2, "cannot be read"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    worldwire: Any,
    made: Made,
    page_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"tmp": tmp_path, "archive": made.folder, "page": page_file}
    ended = worldwire(*(argument.format(**places) for argument in arguments))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_an_archive_of_a_newer_schema_is_refused(worldwire: Any, made: Made, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    DeltaTable(str(made.folder / "tables" / "articles")).alter.set_table_properties(
        {"worldwire.schemaVersion": "99"}, raise_if_not_exists=False
    )
    ended = worldwire("export", "-a", made, "-o", tmp_path / "x")
    assert ended.code == 3
    assert "has schema version 99" in ended.err
    assert ended.err.count("\n") == 1


def test_status_lists_every_source_in_words(worldwire: Any, made: Made) -> None:
    ended = worldwire("status", "-a", made)
    assert ended.code == 0
    assert "a-paper" in ended.out
    assert "1 " in ended.out.splitlines()[-1]
    (health,) = json.loads(worldwire("status", "-a", made, "--json").out)
    assert (health["source_id"], health["last_run_at"]) == ("a-paper", "2026-11-20T06:00:00Z")


def test_status_ends_with_one_if_a_source_is_ill(worldwire: Any, archive_folder: Path) -> None:
    archive = Archive(open_store(str(archive_folder)))
    now = datetime.now(UTC)
    row = {"source_id": "b-paper", "run_id": "1", "started_at": now, "started_date": now.date(), "reported": True}
    archive.commit(
        {"runs": TableRows(added=[row | {"outcome": "failed", "reason": "connection"}])},
        after=archive.open_for_publishing(),
        captures=[],
        kind="publish",
        now=now,
    )
    ended = worldwire("status", "-a", archive_folder)
    assert ended.code == 1
    assert "does not answer: connection refused or broken" in ended.out


def test_status_of_captures_that_nobody_published_says_so(worldwire: Any, tmp_path: Path) -> None:
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "one.warc.gz").write_bytes(b"")
    ended = worldwire("status", "-a", tmp_path)
    assert (ended.code, ended.out) == (0, "Nothing was published yet; worldwire publish does it.\n")


def test_a_story_is_a_timeline_with_what_its_copies_changed(worldwire: Any, made: Made) -> None:
    for any_id in ("story-0", made.story_id, made.article_id, made.copy_id):
        ended = worldwire("story", any_id, "-a", made)
        assert ended.code == 0
        assert f"{made.story_id}  Tarn keeps its ferry" in ended.out
        assert "also known as story-0" in ended.out
        assert "Tuesday {+night+} to keep" in " ".join(ended.out.split())
        assert ended.out.count("https://example.com/ferry1") == 2
    values = json.loads(worldwire("story", made.story_id, "-a", made, "--json").out)
    assert [row["url"] for row in values["appearances"]] == ["https://example.com/ferry", "https://example.com/ferry1"]


def test_a_row_is_traced_to_its_record_and_run(worldwire: Any, made: Made) -> None:
    ended = worldwire("trace", made.article_id, "-a", made, "--json")
    assert ended.code == 0
    origin = json.loads(ended.out)
    assert (origin["is_verified"], origin["capture"]) == (True, "read, checksum verified")
    assert origin["request"][0] == "GET /ferry HTTP/1.1"
    assert ["Server", "tests"] in origin["response"][1]
    assert origin["run"]["dag_run_id"] == "manual__1"
    assert worldwire("trace", made.copy_id, "-a", made).code == 0


def test_a_damaged_or_missing_capture_is_found_out(worldwire: Any, made: Made) -> None:
    (capture,) = made.folder.glob("captures/**/*.warc.gz")
    whole = capture.read_bytes()
    capture.write_bytes(whole[:-900])
    assert worldwire("trace", made.copy_id, "-a", made).code == 1
    capture.unlink()
    ended = worldwire("trace", made.article_id, "-a", made)
    assert ended.code == 1
    assert "the WARC file is gone" in ended.err


def test_reextract_of_unchanged_pages_changes_nothing(worldwire: Any, made: Made) -> None:
    days = ("-a", made, "--since", "2026-11-20", "--until", "2026-11-20")
    assert "2 pages examined: 0 with another title or text" in worldwire("reextract", *days).out
    assert json.loads(worldwire("reextract", *days, "--write", "--json").out)["articles"] == 0


def test_reextract_shows_samples_and_that_nothing_was_written(
    worldwire: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = TextChange(article_id="a-1", url="https://example.com/ferry", lines=("-One line.", "+Another line."))
    report = ReextractReport(examined=2, texts=1, articles=1, samples=[change])
    monkeypatch.setattr("pipelines.upkeep.reextract", lambda *_, **__: report)
    out = worldwire("reextract", "-a", made, "--since", "2026-11-20", "--until", "2026-11-20").out
    assert "-One line." in out
    assert "1 articles would change" in out
    assert out.endswith("Nothing was written. Give --write to change the rows.\n")


def test_a_takedown_asks_first_and_then_is_for_good(
    worldwire: Any, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takedown = ("takedown", "-a", made, "--article", made.article_id, "--reason", "a court's order")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert worldwire(*takedown).code == 1
    assert worldwire("trace", made.article_id, "-a", made).code == 0
    ended = worldwire(*takedown, "--yes")
    assert ended.code == 0, ended.err
    assert "taken down: 2 pages, 1 articles, 4 captured records" in ended.out
    assert worldwire("trace", made.article_id, "-a", made).code == 2
    assert worldwire("export", "-a", made, "-o", tmp_path / "left.jsonl").code == 0
    assert (tmp_path / "left.jsonl").read_text() == ""


def test_a_takedown_that_nobody_can_be_asked_about_does_nothing(
    worldwire: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ended = worldwire("takedown", "-a", made, "--article", made.article_id, "--reason", "a court's order")
    assert ended.code == 2
    assert ended.err.endswith("Nobody answered, so nothing was done; --yes does not ask.\n")
    assert worldwire("trace", made.article_id, "-a", made).code == 0


def test_a_folder_that_may_not_be_changed_is_named_before_anything_is_written(
    worldwire: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    ended = worldwire("compact", "-a", made)
    assert ended.code == 3
    assert ended.err == f"The archive {made} cannot be written: {made} may not be changed.\n"


def test_aws_settings_that_cannot_be_used_are_one_sentence(worldwire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    ended = worldwire("status", "-a", "s3://bucket/x")
    assert ended.code == 3
    assert "The AWS settings for s3://bucket/x cannot be used" in ended.err
    assert "nobody" in ended.err


@pytest.mark.parametrize(("name", "start"), [("x.csv", b"article_id,"), ("x.parquet", b"PAR1"), ("x.data", b'{"art')])
def test_an_export_is_of_the_format_that_its_name_says(
    worldwire: Any, made: Made, tmp_path: Path, name: str, start: bytes
) -> None:
    assert worldwire("export", "-a", made, "-o", tmp_path / name).code == 0
    assert (tmp_path / name).read_bytes().startswith(start)
    assert worldwire("export", "-a", made, "-o", tmp_path / name, "--format", "jsonl").code == 0
    assert (tmp_path / name).read_bytes().startswith(b'{"art')


def test_compact_changes_no_row(worldwire: Any, made: Made, tmp_path: Path) -> None:
    for name in ("before", "after"):
        assert worldwire("export", "-a", made, "-o", tmp_path / name).code == 0
        ended = worldwire("compact", "-a", made, "--json")
        assert ended.code == 0, ended.err
    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()


def test_extract_shows_facts_and_text(worldwire: Any, page_file: Path) -> None:
    ended = worldwire("extract", page_file, "--url", "https://example.com/ferry")
    assert ended.code == 0
    assert "title:     Tarn keeps its ferry" in ended.out
    assert "published: 2026-11-20 05:30" in ended.out
    assert all(paragraph in ended.out for paragraph in PARAGRAPHS)
    assert "Leave a Reply" not in ended.out
    values = json.loads(worldwire("extract", page_file, "--json").out)
    assert values["text"] == "\n".join(PARAGRAPHS)
    assert values["published_at"] == "2026-11-20T05:30:00Z"


def test_a_page_without_article_ends_with_one_and_says_why(worldwire: Any, tmp_path: Path) -> None:
    page = tmp_path / "empty.html"
    page.write_bytes(b"<html><body><p>Nothing.</p></body></html>")
    ended = worldwire("extract", page)
    assert (ended.code, ended.out) == (1, "")
    assert "gives no article: no text" in ended.err


def test_explain_shows_every_block_with_its_reason(worldwire: Any, page_file: Path, tmp_path: Path) -> None:
    ended = worldwire("extract", page_file, "--explain")
    (reply,) = (line for line in ended.out.splitlines() if "Leave a Reply" in line)
    assert not reply.startswith("kept")
    assert sum(line.startswith("kept") for line in ended.out.splitlines()) == len(PARAGRAPHS)
    blocks = json.loads(worldwire("extract", page_file, "--explain", "--json").out)
    assert [block["text"] for block in blocks if block["reason"] is None] == list(PARAGRAPHS)
    report = tmp_path / "blocks.html"
    assert worldwire("extract", page_file, "--explain", "--html", report).code == 0
    assert report.read_text().count('class="keep"') == len(PARAGRAPHS)


def test_clean_takes_clutter_lines_out_of_a_text(worldwire: Any, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join([*PARAGRAPHS, "Leave a Reply", "Your email address will not be published."]))
    ended = worldwire("clean", text)
    assert (ended.code, ended.out) == (0, "\n".join(PARAGRAPHS) + "\n")


def test_a_difference_is_cut_to_what_changed() -> None:
    words = [f"word{number}" for number in range(60)]
    copy = [*words[:30], "new", *words[31:]]
    assert word_difference(" ".join(words), " ".join(copy)) == [
        ("gap", "… 24 words …"),
        ("same", "word24 word25 word26 word27 word28 word29"),
        ("gone", "word30"),
        ("new", "new"),
        ("same", "word31 word32 word33 word34 word35 word36"),
        ("gap", "… 23 words …"),
    ]
    assert word_difference("the same", "the same") == [("same", "the same")]


def test_unseen_characters_of_the_web_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31m\u202eb\nc") == "a [31m b c"


def test_ctrl_c_is_one_sentence_and_130(capsys: pytest.CaptureFixture[str]) -> None:
    app = new_app("Tests.")
    add_start(app)

    @app.command()
    def wait() -> None:
        raise KeyboardInterrupt

    assert run_app(app, ["wait"], name="worldwire") == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_a_command_before_it_began_meets_no_traceback(number: signal.Signals) -> None:
    script = f"""
import os, sys
class Stopping:
    def find_spec(self, name, *rest):
        if name == "pipelines.cli.entry":
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Stopping())
from pipelines.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "Stopped.\n")


def test_ctrl_c_while_arguments_are_read_is_one_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    app = new_app("Tests.")
    add_start(app)

    def stop(value: str) -> str:
        raise KeyboardInterrupt

    @app.command()
    def wait(name: Annotated[str, typer.Argument(callback=stop)]) -> None:
        pass

    assert run_app(app, ["wait", "x"], name="worldwire") == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.parametrize("command", ["--help", "extract {page}", "extract {page} --json", "export -a {made} -o -"])
def test_results_that_nobody_can_take_are_one_sentence(made: Made, page_file: Path, command: str) -> None:
    words = f"{sys.executable} -m pipelines.cli {command.format(page=page_file, made=made)}"
    closed = subprocess.run(["bash", "-c", f"{words} >&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr.count("\n")) == (2, 1)
    assert closed.stderr.startswith("Standard output is closed")
    full = subprocess.run(["bash", "-c", f"{words} >/dev/full"], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert full.stderr.endswith("Standard output cannot be written: No space left on device.\n")
    assert "Traceback" not in full.stderr


def test_a_locale_without_the_texts_letters_escapes_them_for_people_and_not_for_programs(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(page_of(PARAGRAPHS, title="Tärn keeps its ferry"))
    command, environment = [sys.executable, "-m", "pipelines.cli"], os.environ | {"PYTHONIOENCODING": "ascii"}
    shown = subprocess.run([*command, "extract", page], env=environment, capture_output=True, check=True).stdout
    assert b"T\\xe4rn keeps its ferry" in shown
    given = subprocess.run([*command, "extract", page, "--json"], env=environment, capture_output=True, check=True)
    assert json.loads(given.stdout)["title"] == "Tärn keeps its ferry"
    text = tmp_path / "text.txt"
    text.write_text("Die Fähre fährt weiter, sagte die Bürgermeisterin.\n", encoding="utf-8")
    cleaned = subprocess.run([*command, "clean", text], env=environment, capture_output=True, check=True).stdout
    assert cleaned.decode() == text.read_text(encoding="utf-8")


def test_a_closed_standard_input_is_an_empty_one() -> None:
    command = f"{sys.executable} -m pipelines.cli extract - <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "- gives no article: not HTML.\n")


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_table_breaks_no_word_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    names = ["source", "state", "since (UTC)", "why", "#unchanged", "#requests", "#captured"]
    show_table(names, [["a-daily-paper", "quiet", "2026-11-20 06:00", "the last run failed: too slow", 0, 1234567, 12]])
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    words = {"a-daily-paper", "quiet", "since", "(UTC)", "2026-11-20", "06:00", "failed:", "unchanged", "1234567"}
    assert words <= set(out.split())
    assert max(len(line.rstrip()) for line in out.splitlines()) <= columns


def test_help_is_wrapped_as_paragraphs(worldwire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert "With --write the rows get a new revision; the old ones stay readable" in worldwire("reextract", "-h").out


def test_no_command_shows_the_help_page(worldwire: Any) -> None:
    ended = worldwire()
    assert ended.code == 0
    assert "Usage: worldwire" in ended.out


def test_every_command_has_help_with_an_example(worldwire: Any) -> None:
    app = new_app("Tests.")
    add_start(app)
    add_commands(app)
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        ended = worldwire(name, "--help")
        assert ended.code == 0
        assert "Example: worldwire" in ended.out, name


def test_the_exit_code_is_right_whatever_native_threads_do_at_the_end(made: Made, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.cli"]
    output = str(tmp_path / "x.jsonl")
    done = subprocess.run(
        [*command, "export", "-a", str(made), "-o", output], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    missing = subprocess.run(
        [*command, "status", "-a", str(tmp_path / "nowhere")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"AWS_SECRET_ACCESS_KEY": "not-to-be-seen"},
    )
    assert missing.returncode == 3
    assert missing.stderr == f"There is no archive at {tmp_path / 'nowhere'}.\n"


def test_a_reader_that_leaves_early_is_no_traceback(made: Made) -> None:
    command = f"{sys.executable} -m pipelines.cli export -a {made} -o - | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
