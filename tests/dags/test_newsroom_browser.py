"""The newsroom's pages in Chromium: what a reader sees, by keyboard, without scripts, in both schemes, unharmed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from pipelines.archive import Archive
from pipelines.store import open_store
from tests.dags import newsroom_world
from tests.dags.browser import CHROMIUM, Browser, open_context, serious_faults
from tests.dags.newsroom_rows import HOSTILE
from tests.dags.newsroom_world import COPIED, HOSTILE_STORY, SIGN_UP

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newsroom")
    newsroom_world.fill(folder)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with newsroom_world.serve(folder, folder / "archive") as address:
        yield address


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with open_context(obeys_policy=True) as opened:
        yield opened


def opened(context: BrowserContext, url: str, path: str) -> Page:
    """The page, with what follows by itself."""
    page = context.new_page()
    page.goto(f"{url}/newsroom/{path}")
    settle(page)
    return page


def settle(page: Page) -> None:
    expect(page.locator("[data-reload='400'], [aria-busy]")).to_have_count(0, timeout=60_000)


def story_of(folder: Path, number: int) -> dict[str, Any]:
    rows = Archive(open_store(str(folder / "archive"))).dataset("articles")
    assert rows is not None
    (found,) = (row for row in rows.to_table().to_pylist() if f"/story-{number}" in str(row["url"]))
    return dict(found)


def test_a_sources_page_lists_each_dropped_page_and_what_is_learned(context: BrowserContext, url: str) -> None:
    page = opened(context, url, "sources/daily")

    reasons = page.locator("#dropped tbody tr").all_inner_texts()
    assert len(reasons) == 3
    assert all(
        words in reason for words, reason in zip(["text too short", "not HTML", "an error page"], reasons, strict=True)
    )
    expect(page.get_by_role("row").filter(has_text=SIGN_UP)).to_contain_text("8")
    page.locator("#dropped").get_by_role("link", name="what became of").first.click()
    settle(page)
    expect(page.locator(".verdict")).to_contain_text("It is held back: text too short.")
    expect(page.locator(".blocks .gone").first).to_be_visible()


def test_a_story_shows_when_it_ran_and_how_a_copy_differs(context: BrowserContext, url: str, folder: Path) -> None:
    page = opened(context, url, f"stories/{story_of(folder, COPIED)['story_id']}")

    assert [one.strip() for one in page.locator(".track").all_inner_texts()] == ["first", "+60 min"]
    expect(page.locator(".timeline del").first).to_contain_text("council")
    expect(page.locator(".timeline ins").first).to_contain_text("parliament")


def test_it_is_read_by_keyboard(context: BrowserContext, url: str) -> None:
    page = opened(context, url, "")

    def tab_to(words: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if words in page.evaluate(
                "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"
            ):
                return
        pytest.fail(f"{words} is not reached")

    tab_to("all sources")
    tab_to("Table of sources")
    tab_to("Source")
    first = page.locator("#sources tbody th").first
    page.keyboard.press("Enter")
    expect(first).to_have_text("agency")
    page.keyboard.press("Enter")
    expect(first).to_have_text("daily")
    assert page.locator("#sources th[aria-sort]").get_attribute("aria-sort") == "descending"
    tab_to("daily")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sources/daily")


def test_a_state_is_an_address(context: BrowserContext, url: str) -> None:
    page = opened(context, url, "")
    state = page.locator("#sources tbody .state").first.inner_text()
    page.locator(f"a.tile.{state}").click()

    page.wait_for_url(f"**/?state={state}")
    states = page.locator("#sources tbody .state").all_inner_texts()
    assert [f"{len(states)}"] == page.locator(".tile[aria-current] strong").all_inner_texts()
    assert set(states) == {state}


def test_the_table_is_filtered_by_what_is_typed(context: BrowserContext, url: str) -> None:
    page = opened(context, url, "")
    page.get_by_label("Show only").fill("AGE")

    expect(page.locator("#sources tbody tr:visible")).to_have_count(1)
    expect(page.locator("#sources tbody tr:visible")).to_contain_text("agency")


def test_it_works_without_scripts(url: str, folder: Path) -> None:
    story = story_of(folder, COPIED)["story_id"]
    with open_context(has_scripts=False) as context:
        for path, link, words in (
            ("sources/daily", "Look through the captures", "text too short"),
            ("sources/daily", "The lines that its pages repeat", SIGN_UP),
            (f"stories/{story}", "how the copy of daily differs", "parliament"),
        ):
            page = context.new_page()
            page.goto(f"{url}/newsroom/{path}")
            while page.locator("[data-reload='400']").count():
                page.reload()
            page.get_by_role("link", name=link).click()
            expect(page.locator("main")).to_contain_text(words)


def test_what_a_site_wrote_does_nothing(context: BrowserContext, url: str, folder: Path) -> None:
    article = story_of(folder, HOSTILE_STORY)
    asked: list[str] = []
    said: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    trace = f"{article['capture_offset']}/{article['capture_key']}"
    paths = [
        "sources/daily",
        f"articles/{article['article_id']}",
        f"stories/{article['story_id']}",
        f"pages/{trace}",
        f"blocks/{trace}",
        f"raw/{trace}",
        f"sources/{HOSTILE}",
        f"?state={HOSTILE}",
    ]
    for path in paths:
        page = opened(context, url, path)
        assert page.title() != "taken"
        assert page.locator("img").count() == 0 or path.startswith("raw/")
    page.wait_for_timeout(300)

    assert said == []
    assert {address for address in asked if not address.startswith(url)} == set()
    assert HOSTILE[:20] in article["title"]


def test_a_reason_has_the_width_of_a_phone(url: str) -> None:
    with open_context(width=400) as context:
        row = opened(context, url, "").locator("#sources tbody tr").first
        share = row.evaluate("row => row.querySelector('.why').clientWidth / row.clientWidth")
        assert share > 0.85


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1208, 400])  # 1280 less Airflow's menu
def test_it_is_for_everybody(url: str, folder: Path, width: int, scheme: Any) -> None:
    story = story_of(folder, COPIED)["story_id"]
    with open_context(width=width, scheme=scheme) as context:
        paths = [path for path in Browser(context, url).newsroom_paths() if not path.startswith("stories/")]
        for path in [*paths, f"stories/{story}", "sources/daily"]:
            page = opened(context, url, path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert serious_faults(page) == [], path
            page.close()
