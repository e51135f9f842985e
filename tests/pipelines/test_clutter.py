"""Clutter rules: each cleans what it is for and leaves alone what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clutter import MarkupKind, clean_text, clutter_kind, markup_kind, opens_tail, phrases

_BEFORE = "The council met on Tuesday and voted for the new bridge by nine to four."
_AFTER = "Work will begin in spring, the mayor said, if the river allows it."
LANGUAGES = {"en", "de", "fr", "es", "pt", "it", "ru", "uk", "ar", "zh", "ja"}


def _examples(field: str) -> list[tuple[str, str]]:
    return [(f"{rule.kind}-{rule.language}", line) for rule in phrases() for line in getattr(rule, field)]


@pytest.mark.parametrize(("rule", "line"), _examples("cleans"))
def test_a_clutter_line_goes_from_between_paragraphs(rule: str, line: str) -> None:
    assert clean_text(f"{_BEFORE}\n{line}\n{_AFTER}") == f"{_BEFORE}\n{_AFTER}"


@pytest.mark.parametrize(("rule", "line"), _examples("leaves"))
def test_a_sentence_that_only_looks_like_clutter_stays(rule: str, line: str) -> None:
    assert clean_text(f"{_BEFORE}\n{line}\n{_AFTER}").splitlines()[1] == line


def test_every_rule_has_an_example_of_both_kinds() -> None:
    assert all(rule.cleans and rule.leaves for rule in phrases())


def test_the_tail_of_a_page_is_known_in_all_languages() -> None:
    assert {rule.language for rule in phrases() if rule.kind == "comments"} >= LANGUAGES
    assert {rule.language for rule in phrases() if rule.kind == "related"} >= LANGUAGES


def test_what_follows_a_reply_form_goes_with_it() -> None:
    text = f"{_BEFORE}\n{_AFTER}\nLeave a Reply\nName\nEmail\nWebsite\nPost Comment"
    assert clean_text(text) == f"{_BEFORE}\n{_AFTER}"


def test_a_story_that_goes_on_after_a_related_heading_is_not_cut() -> None:
    assert clean_text(f"{_BEFORE}\nRelated Articles\n{_AFTER}") == f"{_BEFORE}\n{_AFTER}"


def test_a_doubled_caption_stays_once() -> None:
    caption = "Soldiers cross the square during an exercise in December"
    assert clean_text(f"{_BEFORE}\n{caption}\n{caption}\n{_AFTER}").splitlines().count(caption) == 1


def test_a_title_loses_the_section_that_follows_it() -> None:
    title = "Bridge vote splits the council after months of talks"
    assert clean_text(f"{title} | World news\n{_BEFORE}").splitlines()[0] == title
    assert clean_text(f"{title} - The Harbour Times\n{_BEFORE}").splitlines()[0] == title


def test_a_dash_within_a_title_stays() -> None:
    title = "Bridge vote splits the council – and nobody knows why"
    assert clean_text(f"{title}\n{_BEFORE}").splitlines()[0] == title


def test_lines_about_the_subject_are_read_whole() -> None:
    story = (
        "Comments under news stories fell silent this week.\n"
        "Subscribe to the channel, the advert said, and thousands did.\n"
        "The cookie that recipes call a biscuit was invented twice."
    )
    assert clean_text(story) == story


def test_invisible_characters_are_taken_out() -> None:
    assert clean_text("The bri\u00addge\u200b is\u00a0open.\x1b") == "The bridge is open."


@given(
    st.lists(
        st.sampled_from([line for _, line in _examples("cleans") + _examples("leaves")]) | st.text(max_size=80),
        max_size=12,
    )
)
def test_cleaning_twice_is_cleaning_once(lines: list[str]) -> None:
    once = clean_text("\n".join(lines))
    assert clean_text(once) == once


@given(st.text(max_size=400))
def test_any_line_can_be_judged(line: str) -> None:
    assert clutter_kind(line) is None or isinstance(clutter_kind(line), str)
    assert opens_tail(line) in (True, False)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("relatedPosts", MarkupKind.RELATED),
        ("c-related__list", MarkupKind.RELATED),
        ("comment-respond", MarkupKind.COMMENTS),
        ("kommentare", MarkupKind.COMMENTS),
        ("newsletter-signup", MarkupKind.NEWSLETTER),
        ("wp-caption-text", MarkupKind.CAPTION),
        ("entry-content", MarkupKind.BODY),
        ("sharedaddy sd-sharing", MarkupKind.SHARE),
        ("cookie-notice-container", MarkupKind.CONSENT),
        ("twitter-tweet", MarkupKind.EMBED),
        ("article__standfirst", MarkupKind.LEAD),
        ("site-footer", MarkupKind.NAVIGATION),
    ],
)
def test_names_say_what_an_element_holds(names: str, kind: MarkupKind) -> None:
    assert markup_kind(names, "", "") is kind


@pytest.mark.parametrize(
    "names",
    [
        "post tag-newsletter category-comments",
        "commentary",
        "shareholders",
        "padding",
        "has-sidebar",
        "adventure",
        "storyteller",
    ],
)
def test_names_that_only_contain_such_words_say_nothing(names: str) -> None:
    assert markup_kind(names, "", "") is None
