"""Lines among an article's paragraphs that are none of them: links to other stories, bylines, captions."""

import pytest

from pipelines.extract import extract_text

_STORY = (
    "The council met on Tuesday and voted for the new bridge by nine to four, after a debate of eight hours.",
    "“This is a beginning, not a victory,” said the mayor, Anna Velten, on the steps of the town hall.",
    "Work begins in spring, when the river is low.",
)


def _text(between: str, *, above: str = "") -> list[str]:
    first, *rest = (f"<p>{line}</p>" for line in _STORY)
    body = f"<h1>Bridge vote splits the council</h1><div>{above}{first}{between}{''.join(rest)}</div>"
    page = f"<html><head><title>Bridge vote splits the council</title></head><body>{body}</body></html>"
    return (extract_text(page.encode(), "https://courier.example/bridge") or "").splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "<p>Lesen Sie auch <a href='/b'>Was die alte Brücke gekostet hat</a></p>",
        "<p><strong>Lire aussi : <a href='/b'>Le pont et ses réparations</a></strong></p>",
        "<p>Lea también <a href='/b'>El puente viejo y sus muchas reparaciones</a></p>",
        "<p>Leia também: <a href='/b'>A velha ponte e os seus muitos remendos</a></p>",
        "<p>Leggi anche <a href='/b'>Il vecchio ponte e le sue riparazioni</a></p>",
        "<p>Читайте также: <a href='/b'>Старый мост чинили семь раз</a></p>",
        "<p>اقرأ أيضا <a href='/b'>الجسر القديم وإصلاحاته الكثيرة</a></p>",
        "<p>[ Read also <a href='/b'>The old bridge and its many repairs</a> ]</p>",
    ],
)
def test_a_link_to_another_story_goes_from_between_paragraphs(line: str) -> None:
    assert _text(line) == list(_STORY)


@pytest.mark.parametrize(
    "line",
    [
        "Read also <a href='/b'>the footnotes</a>, the expert told councillors, before you decide on anything.",
        "See <a href='/report'>the report of the region's auditors</a>, which was never published.",
        "The vote was <a href='/b'>the third on the bridge within a year</a>.",
    ],
)
def test_a_sentence_around_a_link_stays(line: str) -> None:
    assert len(_text(f"<p>{line}</p>")) == len(_STORY) + 1


@pytest.mark.parametrize(
    "line",
    [
        "<div><span>Signe Aldersen</span><span class='role'>Northlight correspondent</span><time>24 November 2026"
        " 20:12, UK</time></div>",
        "<div><a href='/by'>Signe Aldersen</a> · <time>24. November 2026, 20:12 Uhr</time></div>",
        "<p>Signe Aldersen, Northlight correspondent 24 November 2026</p>",
        "<div>Anna Velten Publicado el 3/11/2026 a las 10:15</div>",
        "<p>Published 11:11 PM EST Nov 19, 2026</p>",
        "<p>Mis à jour le 17 novembre 2026 à 22h40</p>",
        "<p>Обновлено 17 ноября 2026, 22:40</p>",
        "<p>آخر تحديث: 17 نوفمبر 2026، 22:40</p>",
        "<p>更新时间：2026年11月17日 22:40</p>",
    ],
)
def test_names_and_a_date_above_the_first_paragraph_are_a_byline(line: str) -> None:
    assert _text("", above=line) == list(_STORY)


@pytest.mark.parametrize(
    "line",
    [
        "<p>Ida Brandt is a reporter in Velmora and covers bridges.</p>",
        "<p><em>Ida Brandt (ida@courier.example) writes about rivers for The Courier and other papers.</em></p>",
        "<p>Tags: <a href='/t/1'>Bridge</a>, <a href='/t/2'>Council</a></p>",
    ],
)
def test_the_authors_biography_and_rows_of_topics_go_from_the_end(line: str) -> None:
    page = (
        "<html><head><meta name='author' content='Ida Brandt'></head><body><h1>Bridge vote splits the council</h1>"
        f"<div>{''.join(f'<p>{text}</p>' for text in _STORY)}{line}</div></body></html>"
    )
    assert (extract_text(page.encode(), "https://courier.example/b") or "").splitlines() == list(_STORY)


@pytest.mark.parametrize(
    "line",
    [
        "Harbour Gulls (19-8, 11-3 North) at Bay Rovers (19-8, 6-8 North)",
        "Bridge opens on 3 May 2027 if the river allows it, engineers say",
    ],
)
def test_what_only_looks_like_a_date_is_no_byline(line: str) -> None:
    assert _text("", above=f"<p>{line}</p>") == [line, *_STORY]


def test_a_line_in_italics_under_a_picture_is_its_caption() -> None:
    image = "<div><img src='/b.jpg'></div><div><i>The old bridge at low water, seen from the mill.</i></div>"
    assert _text(image) == list(_STORY)
    assert _text("<p><img src='/b.jpg'><em>The old bridge, seen from the mill.</em></p>") == list(_STORY)


def test_words_in_italics_stay_where_they_are_speech_or_go_on() -> None:
    picture = "<p><img src='/b.jpg'></p>"
    assert _text(f"{picture}<p><i>“Anna, why are we talking about bridges?”</i></p>")[1].startswith("“Anna")
    letter = "<p><i>Dear neighbours, we write to you about the bridge.</i></p><p><i>It has to go.</i></p>"
    assert len(_text(picture + letter)) == len(_STORY) + 2
