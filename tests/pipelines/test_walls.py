"""Walls, as sites in many languages write them, give no article; short news that speaks of such things does."""

from datetime import UTC, datetime

import pytest

from pipelines.extract import Draft, draft_page, finish_page
from pipelines.model import Dropped, ExtractedPage, RawPage, SourceFacts
from pipelines.template import Template

URL = "https://courier.example/world/2026/11/24/the-council-met-10001"
SOURCE = SourceFacts(id="courier", name="Courier", homepage="https://courier.example/")


def made_of(title: str, headline: str, *paragraphs: str, head: str = "") -> ExtractedPage | Dropped:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    start = f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body><nav><a href='/'>Home</a></nav>"
    page = RawPage(
        source=SOURCE,
        run_id="run",
        requested_url=URL,
        url=URL,
        status=200,
        headers=(("Content-Type", "text/html; charset=utf-8"),),
        body=f"{start}<main><h1>{headline}</h1>{text}</main><footer>Courier</footer></body></html>".encode(),
        fetched_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    )
    draft = draft_page(page)
    return finish_page(draft, Template()) if isinstance(draft, Draft) else draft


NOT_FOUND = {
    "en": ("Courier", "Oops!", "Sorry, we can’t find the page you’re looking for. It may have been moved or deleted."),
    "en, an article": ("Courier", "Sorry", "The article you requested is no longer available. Please use our search."),
    "en, lost": ("Lost?", "You seem to be lost", "We looked everywhere and could not find what you were looking for."),
    "en, removed": (
        "Courier",
        "Notice",
        "This story has been removed at the request of those whom it was about, sorry.",
    ),
    "de, an article": ("Courier", "Courier", "Dieser Artikel ist leider nicht mehr verfügbar. Hier geht es zur Suche."),
    "de, in its headline": ("Artikel nicht mehr verfügbar", "Courier", "Bitte besuchen Sie unsere Startseite. " * 3),
    "fr, an article": (
        "Courier",
        "Courier",
        "Cet article n’est plus disponible. Retrouvez toute l’actualité à la une.",
    ),
    "es, an article": ("Courier", "Aviso", "Este artículo ya no está disponible. Vuelve a la portada para leer más."),
    "pt, an article": ("Courier", "Aviso", "Este artigo já não está disponível. Volte para a capa e siga lendo."),
    "nl, an article": ("Courier", "Helaas", "Dit artikel is niet meer beschikbaar. Ga naar de voorpagina voor nieuws."),
    "ru, an article": ("Courier", "Увы", "Эта статья больше не доступна. Вернитесь на главную страницу за новостями."),
    "de": (
        "Courier",
        "Hoppla",
        "Die von Ihnen gesuchte Seite gibt es nicht, oder sie ist an einen anderen Ort gezogen.",
    ),
    "fr": ("Courier", "Oups", "La page que vous recherchez n’existe plus, ou bien son adresse a changé entre-temps."),
    "es": (
        "Courier",
        "Vaya",
        "La página que buscas no está en este sitio. Puedes volver a la portada y seguir leyendo.",
    ),
    "pt": (
        "Courier",
        "Ops",
        "A página que você procura não está neste site. Volte para a capa e siga lendo as notícias.",
    ),
    "it": (
        "Courier",
        "Ops",
        "La pagina che stai cercando non si trova qui. Torna alla prima pagina per le altre notizie.",
    ),
    "nl": (
        "Courier",
        "Helaas",
        "De pagina die u zoekt bestaat niet of is verhuisd. Ga terug naar de voorpagina, of zoek.",
    ),
    "pl": (
        "Courier",
        "Ups",
        "Strona, której szukasz, nie istnieje albo została przeniesiona. Wróć na stronę główną teraz.",
    ),
    "ru": (
        "Courier",
        "Увы",
        "Страница, которую вы ищете, не существует. Вернитесь на главную и читайте другие новости дня.",
    ),
    "ja": ("Courier", "お知らせ", "お探しのページは移動または削除されました。" * 6),
    "zh": ("Courier", "提示", "抱歉,您访问的页面已经不在这里,请返回首页继续阅读其他新闻内容。" * 4),
}
CONSENT = {
    "en": "We and our 842 partners store and access information on a device, such as cookies.",
    "de": "Wir und unsere 180 Partner speichern Informationen auf Ihrem Gerät, etwa Cookies, um Werbung zu messen.",
    "fr": "Nos partenaires et nous utilisons des cookies afin de mesurer l’audience et de montrer de la publicité.",
    "es": "Nosotros y nuestros socios guardamos datos en su dispositivo, como las cookies, para mostrarle publicidad.",
    "it": "Noi e terze parti selezionate utilizziamo cookie o tecnologie simili, anche per la pubblicità mirata.",
    "nl": "Wij en onze partners gebruiken cookies om informatie op je apparaat op te slaan en advertenties te tonen.",
    "pl": "My i nasi partnerzy przechowujemy informacje na urządzeniu, takie jak pliki cookie, i pokazujemy reklamy.",
}
OTHERS = {
    "robots": "Please complete the security check below to go on to the site, it keeps robots away from our newspaper.",
    "scripts": "JavaScript is disabled in your browser. Please switch it on and load the page again to read on.",
    "repairs": "Our site is down for maintenance tonight, and we expect to be back within the hour. Thank you.",
    "region": "You are attempting to access this website from a country in which we do not offer it at present.",
    "age": "You must be 18 years or older to view this content. By entering you confirm that you are of legal age.",
    "advertising": "It looks like you are using an ad blocker. Please switch it off, advertising pays for us.",
    "nobody": "The domain courier.example is for sale. Ask here for its price, or look at related searches.",
}


@pytest.mark.parametrize("name", NOT_FOUND)
def test_a_page_that_was_not_found_is_no_article(name: str) -> None:
    made = made_of(*NOT_FOUND[name])
    assert isinstance(made, Dropped), made.text
    assert (made.reason, made.detail) == ("not_an_article", "page not found")


@pytest.mark.parametrize("name", CONSENT)
def test_a_form_that_asks_for_consent_is_no_article(name: str) -> None:
    made = made_of("Courier", "Courier", CONSENT[name], "Courier & Co.")
    assert isinstance(made, Dropped), made.text
    assert (made.reason, made.detail) == ("not_an_article", "consent wall")


@pytest.mark.parametrize("name", OTHERS)
def test_what_else_stands_in_an_articles_place_is_none(name: str) -> None:
    made = made_of("Courier", "Courier", OTHERS[name])
    assert isinstance(made, Dropped), made.text
    assert made.reason == "not_an_article"


@pytest.mark.parametrize(
    "paragraph",
    [
        "The regulator fined the shop 3 million because it set cookies without consent and shared them with partners.",
        "The city's web page on the flood could not be reached for hours; visitors were told that it was not found.",
        "The registry's server is being repaired, its director said on Monday; it will be back by the end of the week.",
        "The party removed the video from its site after a court had ordered so; a link to it had been shared widely.",
        "Parents must confirm the age of their children before they use the service, the new law in the north says.",
        "Who blocks advertisements reads more, a study of the university found; publishers lose a lot of sales.",
        "Our partners in the north, the minister said, know that the page has been turned and that talks will go on.",
        "Diputados presentaron un artículo que busca regular las plataformas, y una página que busca ayudar a usarlas.",
        "Dieser Artikel des Gesetzes ist nach dem Urteil vom Montag nicht mehr in Kraft, sagte die Ministerin in Graz.",
        "Questo articolo della legge non è più in vigore, ha detto la ministra lunedì; il parlamento ne discute ora.",
        "L'article demandé par la commission sera publié lundi, et la page demandée par le maire le sera mardi.",
        "The page requested by the court was handed over, and the content requested by its lawyers a day later.",
        "Two brothers who collect domains sold one for a million. A robot now answers those who ask for its price.",
    ],
)
def test_short_news_of_such_things_is_an_article(paragraph: str) -> None:
    made = made_of("What happened on Monday - Courier", "What happened on Monday", paragraph)
    assert isinstance(made, ExtractedPage), made
    assert paragraph in made.text


def test_a_page_that_was_not_found_is_no_article_though_it_offers_others() -> None:
    offered = [
        f"The council agreed on Monday to rebuild harbour {number}, after years of dispute." for number in range(30)
    ]
    made = made_of(
        "Courier | Latest news", "Sorry", "The link you followed may be broken, or the page is gone.", *offered
    )
    assert isinstance(made, Dropped), made.text
    assert made.detail == "page not found"


def test_a_page_that_declares_an_article_is_judged_by_its_headline_alone() -> None:
    head = "<meta property='og:type' content='article'>"
    notice = "JavaScript is disabled in your browser. Please switch it on and load the page again to see the map."
    teaser = "The council met on Monday and spoke about the harbour for hours."
    assert isinstance(made_of("Harbour", "The harbour", notice, teaser, head=head), ExtractedPage)
    assert isinstance(made_of("404 | Courier", "404", notice, teaser, head=head), Dropped)
