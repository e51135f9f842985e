"""Quarantine: a page that fails a check costs only itself, can be looked at, and after a fix is published once."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.archive import TABLES, Archive
from pipelines.cli.app import add_commands
from pipelines.cli.entry import new_app, run_app
from pipelines.errors import InputError
from pipelines.model import CaptureRef, Dropped, DropReason, ExtractedPage, PageFacts, SourceFacts
from pipelines.pages import check_page, one_page, see
from pipelines.publish import PublishSummary, list_held, publish_new_captures, quarantine, replay
from pipelines.publish.checks import SAME_TEXT_ADDRESSES, check_together
from pipelines.publish.quarantine import show_held
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore, Store
from pipelines.upkeep import takedown
from tests.pipelines.conftest import Deaths
from tests.pipelines.small_press import NOON, Press, page_of, tell

LATER = NOON + timedelta(days=1)


pytestmark = pytest.mark.usefixtures("drafts_inline")


def where(press: Press) -> ArchiveSettings:
    return ArchiveSettings(uri=press.store.uri, spool=press.spool)


def publish(press: Press) -> PublishSummary:
    return publish_new_captures(where(press), now=NOON + timedelta(hours=1))


def rows(store: Store, table: str) -> list[dict[str, Any]]:
    found = Archive(store).dataset(table)
    assert found is not None
    key = [(name, "ascending") for name in TABLES[table].key]
    read: list[dict[str, Any]] = found.to_table().sort_by(key).to_pylist(maps_as_pydicts="strict")
    return read


def broken_extraction(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Extraction fails at some addresses until it is mended."""
    sound = one_page.draft_page

    def draft_page(page: Any) -> Any:
        if page.url.endswith(addresses):
            raise ValueError("a comma where a year should be")
        return sound(page)

    monkeypatch.setattr(one_page, "draft_page", draft_page)


def extracted(text: str, **facts: Any) -> ExtractedPage:
    return ExtractedPage(
        source=SourceFacts(id="daily", name="The Daily", homepage="https://daily.example/"),
        run_id="r1",
        url="https://daily.example/world/story-1",
        fetched_at=NOON,
        facts=PageFacts(title="Council of Astmore", **facts),
        text=text,
        removed={},
        extractor="test",
        capture=CaptureRef(key="captures/date=2026-11-20/source=daily/r1-0.warc.gz", offset=7, payload_sha256="00"),
    )


TEXT = "\n".join(tell(1))


# --- each check, and what looks like a fault and is none ---


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (extracted(" \n \u00a0 "), DropReason.NO_TEXT),
        (extracted(TEXT, published_at=NOON.replace(year=2062)), DropReason.IMPLAUSIBLE_DATE),
        (extracted("\ufffd".join(TEXT.split("e"))), DropReason.GARBLED),
        (
            extracted("Le président a été réélu à l’âge de trente-six années. ".encode().decode("cp1252") * 5),
            DropReason.GARBLED,
        ),
        (extracted("Президент выступил в четверг. ".encode().decode("latin-1") * 5), DropReason.GARBLED),
        (extracted("4;17;%%;0x3f;{};88;==;[9,9,1];" * 30), DropReason.GARBLED),
    ],
    ids=["white space", "a date decades ahead", "holes", "misread French", "misread Russian", "no language at all"],
)
def test_a_page_that_cannot_be_right_is_held_back(page: ExtractedPage, reason: DropReason) -> None:
    found = check_page(page)
    assert found is not None
    assert (found.reason, found.stage, found.capture) == (reason, "check", page.capture)


@pytest.mark.parametrize(
    "page",
    [
        extracted(TEXT),
        extracted(TEXT, published_at=NOON + timedelta(days=20)),
        extracted(TEXT, published_at=NOON.replace(year=1970, month=1)),
        extracted("Le président a été réélu à l’âge de 36 ans, dit-il. « C’est l’été », ajoute-t-elle. " * 5),
        extracted("Größe, Maße und Straßenlärm: „Wir hören das täglich“, sagt Özlem Çelik. " * 5),
        extracted("प्रधानमंत्री ने गुरुवार को संसद में एक नया विधेयक पेश किया, जिस पर बहस होगी। " * 5),
        extracted("首相は木曜日、国会で新しい法案を提出した。野党は反対している。" * 5),
        extracted("Arsenal 3-1 Leeds; Fulham 0-0 Burnley; Brentford 2-2 Everton; Wolves 1-4 Chelsea. " * 5),
        extracted(TEXT.replace("council", "coun\ufffdcil", 1)),
    ],
    ids=[
        "plain",
        "a clock ahead",
        "a placeholder for no date",
        "French",
        "German",
        "Hindi",
        "Japanese",
        "results",
        "one hole",
    ],
)
def test_an_article_is_not_held_back(page: ExtractedPage) -> None:
    assert check_page(page) is None


@settings(max_examples=40)
@given(st.text(max_size=300))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert check_page(extracted(text)) is None or text is not None


def test_the_same_text_at_many_addresses_of_a_source_is_held_back_and_at_a_few_is_not() -> None:
    def at_addresses(count: int) -> list[Any]:
        return [see(replace(extracted(TEXT), url=f"https://daily.example/p/story-{at}")) for at in range(count)]

    assert check_together(at_addresses(SAME_TEXT_ADDRESSES - 1)) == {}
    found = check_together([*at_addresses(SAME_TEXT_ADDRESSES), see(extracted(TEXT + " More."))])
    assert {page.reason for page in found.values()} == {DropReason.SAME_TEXT}
    assert sorted(found) == list(range(SAME_TEXT_ADDRESSES))


def test_a_page_that_does_not_fit_the_table_costs_only_itself() -> None:
    misfit = replace(see(extracted(TEXT)), canonical_url=7)  # type: ignore[arg-type]
    found = check_together([see(extracted(TEXT)), misfit])
    assert list(found) == [1]
    assert found[1].reason is DropReason.BAD_ROW


# --- publishing ---


def test_a_failed_check_holds_its_page_back_and_the_run_goes_on(press: Press) -> None:
    misread = [paragraph.replace("a", "é").encode().decode("latin-1") for paragraph in tell(2)]
    press.capture("daily", [page_of(1), page_of(2, paragraphs=misread), page_of(3)])
    summary = publish(press)
    assert (summary.extracted, summary.new_articles, summary.dropped) == (2, 2, {"garbled_text": 1})
    (row,) = rows(press.store, "quarantine")
    assert (row["url"], row["reason"], row["stage"]) == (page_of(2).url, "garbled_text", "check")
    assert row["detail"].endswith("characters are UTF-8 read as another encoding")
    (run,) = rows(press.store, "runs")
    assert (run["pages"], run["extracted"], run["quarantined"]) == (3, 2, 1)


def test_what_is_no_article_is_counted_and_not_held_back(press: Press) -> None:
    press.capture("daily", [page_of(1), page_of(2, status=404)])
    publish(press)
    assert rows(press.store, "quarantine") == []
    (run,) = rows(press.store, "runs")
    assert (run["dropped"], run["quarantined"]) == ({"status_not_ok": 1}, 0)


def test_words_languages_and_delays_are_counted_by_run(press: Press) -> None:
    fetched = NOON + timedelta(minutes=50)
    press.capture("daily", [page_of(1, published=NOON), page_of(2, published="2026-11-20")], started_at=fetched)
    publish(press)
    (run,) = rows(press.store, "runs")
    assert run["words"] == len(" ".join(tell(1) + tell(2)).split())
    assert run["languages"] == {"en": 2}
    assert run["delays"] == {"60": 1}, "a date without a time tells nothing"


# --- looking, and publishing after a fix ---


def test_after_a_fix_a_replay_publishes_the_page_once(press: Press) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-2")
        press.capture("daily", [page_of(1), page_of(2)])
        publish(press)
        (held,) = list_held(press.store)
        assert (held["reason"], held["detail"]) == ("extraction_error", "ValueError: a comma where a year should be")
        assert replay(where(press), now=LATER).held == {"extraction_error": 1}, "nothing is mended yet"
        assert isinstance(show_held(press.store, str(held["page_id"])).now, Dropped)
    seen = show_held(press.store, str(held["page_id"])).now
    assert seen is not None
    assert not isinstance(seen, Dropped)
    summary = replay(where(press), now=LATER)
    assert (summary.examined, summary.published, summary.new_articles, summary.held) == (1, 1, 1, {})
    assert list_held(press.store) == []
    assert replay(where(press), now=LATER).examined == 0
    assert publish(press).pages == 0
    assert {row["url"] for row in rows(press.store, "articles")} == {page_of(1).url, page_of(2).url}
    (run,) = rows(press.store, "runs")
    assert (run["pages"], run["extracted"], run["new_articles"], run["dropped"], run["quarantined"]) == (2, 2, 2, {}, 0)
    (receipt,) = [row for row in rows(press.store, "receipts") if row["capture_key"].endswith(".warc.gz")]
    assert (receipt["pages"], receipt["articles"], receipt["dropped"]) == (2, 2, 0)


def test_a_replay_gives_the_rows_of_an_archive_in_which_nothing_ever_failed(press: Press, tmp_path: Path) -> None:
    other = Press(store=FolderStore(tmp_path / "other"), spool=tmp_path / "spool-2")

    def capture(one: Press) -> None:
        one.capture("daily", [page_of(1), page_of(2)])
        one.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1))])

    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "daily.example/world/story-1")
        capture(press)
        publish(press)
    replay(where(press), now=LATER)
    capture(other)
    publish(other)
    said = {"articles": ("url", "text", "published_at", "capture_key"), "appearances": ("url", "kind", "fetched_at")}
    for table, columns in said.items():
        mended, sound = (
            sorted(tuple(str(row[name]) for name in columns) for row in rows(store, table))
            for store in (press.store, other.store)
        )
        assert mended == sound


def test_two_replays_at_once_publish_once(press: Press) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-1", "story-2")
        press.capture("daily", [page_of(1), page_of(2)])
        publish(press)
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: replay(where(press), now=LATER), range(2)))
    assert sum(summary.published for summary in both) == 2
    assert len(rows(press.store, "articles")) == len(rows(press.store, "appearances")) == 2
    assert rows(press.store, "runs")[0]["extracted"] == 2


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_replay_killed_at_any_call_is_made_up_by_the_next(tmp_path: Path, deaths: Deaths, after: bool) -> None:
    press = Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")
    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-1")
        press.capture("daily", [page_of(1)])
        publish(press)
    whole = tmp_path / "archive"
    for dies_at in range(1, 120, 9):
        press = Press(store=FolderStore(tmp_path / f"archive-{dies_at}"), spool=tmp_path / "spool")
        shutil.copytree(whole, tmp_path / f"archive-{dies_at}")

        def act(store: Store, press: Press = press) -> object:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(quarantine, "open_store", lambda _: store)
                return replay(where(press), now=LATER)

        finished = deaths.survived(act, press.store, dies_at, after=after)
        replay(where(press), now=LATER)
        assert len(rows(press.store, "articles")) == len(rows(press.store, "appearances")) == 1
        (run,) = rows(press.store, "runs")
        assert (run["extracted"], run["new_articles"], run["quarantined"], run["dropped"]) == (1, 1, 0, {})
        if finished:
            return
    pytest.fail("a replay has more calls than were tried")


def test_only_what_is_named_is_replayed(press: Press) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-1", "story-2")
        press.capture("daily", [page_of(1)])
        press.capture("echo", [page_of(2, "echo")])
        publish(press)
    assert replay(where(press), source_id="echo", now=LATER).published == 1
    assert replay(where(press), reason="text_too_short", now=LATER).examined == 0
    (left,) = list_held(press.store)
    assert left["source_id"] == "daily"
    assert replay(where(press), page_ids=[str(left["page_id"])], now=LATER).published == 1
    with pytest.raises(InputError, match="has no page 'nobody'"):
        replay(where(press), page_ids=["nobody"])


def test_a_page_that_is_known_in_a_newer_form_is_not_set_back(press: Press) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-1")
        press.capture("daily", [page_of(1)])
        publish(press)
    press.capture("daily", [page_of(1, paragraphs=tell(1)[:6])], run="r2", started_at=NOON + timedelta(minutes=30))
    publish(press)
    summary = replay(where(press), now=LATER)
    assert (summary.published, summary.new_appearances, summary.revised) == (1, 0, 0)
    (article,) = rows(press.store, "articles")
    assert article["text"] == "\n".join(tell(1)[:6])


def test_what_was_taken_down_leaves_the_quarantine_unpublished(press: Press) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-1", "story-2")
        press.capture("daily", [page_of(1), page_of(2)])
        publish(press)
    takedown(where(press), url=page_of(1).url, reason="a court", now=LATER)
    assert [row["url"] for row in list_held(press.store)] == [page_of(2).url]
    assert replay(where(press), now=LATER).published == 1
    assert {row["url"] for row in rows(press.store, "articles")} == {page_of(2).url}


def test_the_quarantine_on_the_command_line(press: Press, capsys: pytest.CaptureFixture[str]) -> None:
    app = new_app("Tests.")
    add_commands(app)

    def worldwire(*arguments: str) -> str:
        code = run_app(app, ["quarantine", *arguments, "-a", press.store.uri], name="worldwire")
        printed = capsys.readouterr()
        return f"{code} {printed.out if code == 0 else printed.err}"

    with pytest.MonkeyPatch.context() as patch:
        broken_extraction(patch, "story-1")
        press.capture("daily", [page_of(1), page_of(2)])
        publish(press)
        capsys.readouterr()
        assert "extraction failed: ValueError: a comma where a year should be" in worldwire("list")
        (row,) = json.loads(worldwire("list", "--json")[2:])
        assert "Today: extraction_error: ValueError" in worldwire("show", row["page_id"])
        assert worldwire("replay").endswith("0 new, 0 revised; 1 stay (extraction failed 1)\n")
    assert tell(1)[0] in worldwire("show", row["page_id"])
    assert worldwire("replay", row["page_id"]) == "0 1 of 1 held pages published: 1 new, 0 revised; 0 stay\n"
    assert worldwire("list") == "0 0 pages are held back\n"
    nobody = worldwire("show", row["page_id"])
    assert nobody == f"2 The quarantine of {press.store.uri} has no page '{row['page_id']}'.\n"
