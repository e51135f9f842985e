"""No clutter line left and no sentence lost, in fifteen news systems and eleven languages."""

from collections.abc import Callable

import pytest

from pipelines.clutter import clean_text
from pipelines.extract import extract_text
from tests.themes import news_systems
from tests.themes.story import Story, stories

_URL = "https://courier.example/world/bridge-4711"
_THEMES = (*news_systems.WITH_LISTS, *news_systems.WITHOUT_LISTS)


@pytest.mark.parametrize("theme", _THEMES, ids=lambda theme: theme.__name__)
def test_the_article_is_read_whole_and_alone(theme: Callable[[Story], str]) -> None:
    for story in stories():
        expected = story.lines(items=theme in news_systems.WITH_LISTS)
        found = (extract_text(theme(story).encode(), _URL) or "").splitlines()
        assert [line for line in found if line != story.standfirst] == expected, story.language


def test_a_page_that_shows_nothing_is_read_from_its_data() -> None:
    for story in stories():
        described = extract_text(news_systems.text_in_json_alone(story).encode(), _URL) or ""
        assert described.splitlines() == story.plain_paragraphs, story.language
        scripted = extract_text(news_systems.text_in_script_data_alone(story).encode(), _URL) or ""
        assert scripted.splitlines() == story.lines(items=False), story.language


def test_text_without_its_page_loses_what_stands_between_and_below_its_paragraphs() -> None:
    for story in stories():
        told = story.lines(items=True)
        text = [
            *told[:2],
            story.player,
            *told[2:4],
            story.advert,
            story.newsletter,
            *told[4:],
            story.newsletter_text,
            story.google_news,
            story.correction,
            story.subscriber,
            f"{story.topics} {', '.join(story.topic_names)}",
            story.cookies,
            story.copyright,
            story.related,
            *story.others,
            story.comments,
            story.comment_note,
            "9 − nine =",
        ]
        assert clean_text("\n\n".join(text)).splitlines() == told, story.language
