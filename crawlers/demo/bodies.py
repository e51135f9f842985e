"""How each site sets the paragraphs of an article, and what it puts between them."""

from collections.abc import Callable, Sequence
from html import escape

from crawlers.demo.editions import Page
from crawlers.demo.stories import SUBHEAD


def article_body(page: Page, earlier: Sequence[Page]) -> str:
    """The inner HTML of the article in the manner of its site; `earlier` is what the site published before."""
    return "\n".join(_MANNERS[page.site.id](page, earlier))


def _wire(page: Page, _: Sequence[Page]) -> list[str]:
    return _set(page)


def _newspaper(page: Page, earlier: Sequence[Page]) -> list[str]:
    lines = _set(page)
    lines.insert(2, '<div class="ad-slot" aria-label="Advertisement"><span>Advertisement</span></div>')
    lines.insert(
        4,
        '<aside class="newsletter-signup"><h3>Sign up for Morning Courier</h3>'
        "<p>Our free newsletter tells you what matters before your first coffee.</p>"
        '<form><input type="email" placeholder="Enter your email"><button>Sign up</button></form>'
        '<p class="small">Newsletters may contain information about charities and online ads.</p></aside>',
    )
    if earlier:
        lines.insert(6, f'<aside class="rich-link"><span>Read more</span> {_link(earlier[0])}</aside>')
    if page.credit:
        lines.append(f'<p class="agency-credit"><em>{escape(page.credit)} contributed this report</em></p>')
    return lines


def _broadcaster(page: Page, earlier: Sequence[Page]) -> list[str]:
    caption = escape(page.story.caption)
    lines = [f'<div class="nl-block">{line}</div>' for line in _set(page)]
    if earlier:
        live = f"<b>Live updates as it happens: {escape(earlier[0].title)}</b>"
        lines.insert(1, f'<div class="nl-block"><p><a href="/news/live-{earlier[0].number}">{live}</a></p></div>')
    lines.insert(
        3,
        '<div class="nl-player" data-media="video"><div class="nl-player-fallback"><p>Please use Chrome browser for a '
        f'more accessible video player</p></div><p class="nl-player-title">Watch: {caption}</p></div>',
    )
    lines.insert(
        5,
        f'<figure class="nl-figure"><img src="/media/{page.number}.svg" alt="{caption}"/><figcaption>'
        f'<span class="nl-vh">Image caption, {caption}</span><span aria-hidden="true">{caption}</span>'
        "</figcaption></figure>",
    )
    if len(earlier) > 2:
        more = "".join(f"<li>{_link(other)}</li>" for other in earlier[1:3])
        lines.append(f'<div class="nl-more"><p><b>Read more from Northlight:</b></p><ul>{more}</ul></div>')
    return lines


def _blog(page: Page, earlier: Sequence[Page]) -> list[str]:
    image = f'<img src="/media/{page.number}.svg" alt="" class="wp-post-image">'
    lines = [f'<figure class="wp-block-image">{image}</figure>', *_set(page)]
    if earlier:
        lines.insert(3, f"<p><strong>ALSO READ: {_link(earlier[-1])}</strong></p>")
    if page.credit:
        lines.append(
            f'<p class="source-link">Source: <a href="https://meridian.example/">{escape(page.credit)}</a></p>'
        )
    return lines


def _regional(page: Page, earlier: Sequence[Page]) -> list[str]:
    lines = _set(page, subhead='<h2 class="zwischentitel">{}</h2>')
    lines.insert(2, '<div class="anzeige"><small>Anzeige</small></div>')
    if earlier:
        lines.insert(4, f'<div class="lesen-sie-auch"><strong>Lesen Sie auch</strong> {_link(earlier[0])}</div>')
    return lines


def _nothing_but_divs(page: Page, _: Sequence[Page]) -> list[str]:
    lines = _set(page, paragraph="<div>{}</div>", subhead="<div><b>{}</b></div>")
    lines.insert(3, f'<div><img src="/media/{page.number}.svg"><div><i>{escape(page.story.caption)}</i></div></div>')
    if page.credit:
        lines.append(f"<div><i>This story was provided by {escape(page.credit)}.</i></div>")
    return lines


def _daily(page: Page, earlier: Sequence[Page]) -> list[str]:
    lines = _set(page, paragraph='<p class="c-parrafo">{}</p>')
    if earlier:
        lines.insert(2, f'<div class="c-relacionada"><span>Le puede interesar</span> {_link(earlier[0])}</div>')
    return lines


_MANNERS: dict[str, Callable[[Page, Sequence[Page]], list[str]]] = {
    "meridian-wire": _wire,
    "corvane-courier": _newspaper,
    "northlight-news": _broadcaster,
    "globe-pulse": _blog,
    "wulmetal-tagblatt": _regional,
    "lake-dispatch": _nothing_but_divs,
    "faro-almadora": _daily,
}


def _set(page: Page, paragraph: str = "<p>{}</p>", subhead: str = "<h2>{}</h2>") -> list[str]:
    return [
        subhead.format(escape(text.removeprefix(SUBHEAD), quote=False))
        if text.startswith(SUBHEAD)
        else paragraph.format(escape(text, quote=False))
        for text in page.paragraphs
    ]


def _link(page: Page) -> str:
    return f'<a href="{page.path}">{escape(page.title)}</a>'
