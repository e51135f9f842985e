"""What an element is by the names its markup gives it: class, id, role, data attributes.

Names are cut into words at hyphens, underscores and capitals (`relatedPosts`, `c-related__list` → related …), then
matched in many languages. A name is a hint, never a proof: extraction weighs it against the text that stands below it.
"""

import re
from enum import StrEnum
from functools import lru_cache


class MarkupKind(StrEnum):
    """What a subtree holds, as its names say."""

    ADVERT = "advert"
    AUTHOR = "author"
    BODY = "body"
    BYLINE = "byline"
    CAPTION = "caption"
    COMMENTS = "comments"
    CONSENT = "consent"
    EMBED = "embed"
    HIDDEN = "hidden"
    LEAD = "lead"
    LIVE = "live"
    NAVIGATION = "navigation"
    NEWSLETTER = "newsletter"
    PAYWALL = "paywall"
    PLAYER = "player"
    PULL_QUOTE = "pull_quote"
    RELATED = "related"
    SHARE = "share"


# One line a kind, first match wins. Words stand between hyphens; `x+` = the word or its plural.
_NAMES: tuple[tuple[MarkupKind, str], ...] = (
    (
        MarkupKind.BODY,
        r"article-?(?:body|text|content|paragraphs?|main-?text)(?!-(?:footer|bottom|end|meta|header|related|ad))|"
        r"story-?(?:body|text|content)|post-?(?:body|text|content|entry)|entry-?(?:content|body|text)|"
        r"content-?(?:body|text)|body-?(?:text|copy|content)|news-?(?:body|text|content)|main-?(?:text|article)|"
        r"artikel-?(?:text|inhalt|body)|rich-?text(?:-article)?(?:-body)?|"
        r"texte-?article|corps-?article|cuerpo(?:-noticia)?|texto(?:-noticia)?|corpo-?(?:noticia|articolo)|"
        r"testo(?:-articolo)?|article-?text-?body|articlebody|storybody|articletext|storytext|entrycontent",
    ),
    (
        MarkupKind.COMMENTS,
        r"comments?(?!ary|ator)(?:-?(?:list|form|section|area|box|wrapper|respond|thread|count|container|block|link|"
        r"reply|policy))?|disqus(?:-thread)?|livefyre|viafoura|"
        r"coral(?:-talk)?|openweb|spot-?im|respond|reply|replies|reply-?title|kommentare?|commentaires?|comentarios?|"
        r"commenti|komentar[iy]?|fb-?comments|facebook-?comments|discussion|talkback|guestbook|must-log-in",
    ),
    (
        MarkupKind.CONSENT,
        r"cookies?(?:-?(?:notice|banner|bar|consent|law|policy|popup|message|info|container))?|gdpr|ccpa|consent|"
        r"onetrust|didomi|truste|cmp|eu-?cookie|pop-?up|modal|overlay|dialog|cli-?\w+|privacy-?(?:banner|notice|"
        r"popup)",
    ),
    (
        MarkupKind.NEWSLETTER,
        r"newsletters?|news-?letter|subscribe(?:r|-?box|-?form|-?widget)?|sign-?up|optin|opt-in|mailchimp|"
        r"mc-?embed-?signup|mailing-?list|email-?(?:signup|capture|form|subscribe|alert)|lead-?magnet|boletin|"
        r"inscricao|abonnement",
    ),
    (
        MarkupKind.PAYWALL,
        r"paywall|regwall|reg-?wall|piano|tp-?modal|meter(?:ed)?-?(?:wall|banner)|subscription(?:-?(?:wall|banner|"
        r"box|offer|promo))?|premium-?(?:box|teaser|wall|banner)|upsell|login-?(?:wall|box|form)",
    ),
    (
        MarkupKind.RELATED,
        r"related(?:-?\w+)?|(?:read|see|view|load|watch|show)-?(?:more|next|also|too)|more-?(?:stories|articles|news|"
        r"from|on|in|posts|headlines|coverage|like|links|content|to-?read)|also-?(?:read|like|on|see)|"
        r"recommend(?:ed|ation|ations)?|recirc(?:ulation)?|most-?(?:read|popular|viewed|recent|shared|commented|"
        r"watched)|popular(?:-?\w+)?|trending|trend|outbrain|taboola|zergnet|revcontent|mgid|dianomi|nativo|"
        r"up-?next|next-?(?:up|post|article|story|page)|prev(?:ious)?-?(?:post|article|story)|post-?navigation|"
        r"nav-?(?:links|previous|next)|you-?(?:may|might)(?:-\w+)*|suggest(?:ed|ions)?|similar|"
        r"teasers?|promos?|promo-?(?:box|item|list|block|unit)|cross-?(?:promo|link|sell)|in-?article-?(?:links?|"
        r"related)|interstitial(?:-?\w+)?|inline-?(?:related|promo|links?|recirc)|latest(?:-?(?:news|stories|posts|articles))?|"
        r"headlines?-?list|editors?-?picks?|top-?stories|featured-?(?:stories|posts|articles)|story-?(?:package|list|"
        r"links)|link-?(?:list|box|group|stack)|further-?reading|jp-?relatedposts|yarpp|crp|"
        r"verwandte|mehr-?zum-?thema|weitere-?\w+|artikel-?liste|lire-?aussi|a-?lire|articles?-?lies|"
        r"relacionad[oa]s?|leia-?(?:tambem|mais)|veja-?mais|mas-?(?:leid[oa]s?|noticias)|correlat[ei]|leggi-?anche|"
        r"read-?also|pohozhi|"
        r"carousel|slick-?slider|swiper|listicle-?nav|tout|touts|rail|river|stream-?item|ticker|widget-?area|"
        r"in-?body-?link",
    ),
    (
        MarkupKind.SHARE,
        r"shar(?:e|es|ing|er|ed)(?:-?(?:bar|box|buttons?|links?|tools?|icons?|wrapper|this|daddy|count|post|article|"
        r"list|menu|container))?|sharedaddy|social(?:-?\w+)?|addthis\w*|a2a|ssba|essb\w*|"
        r"follow(?:-?(?:us|me|buttons?|links?|box))?|(?:article|story|post|page)-?tools|tool-?bar|toolbox|"
        r"utility-?(?:bar|links)|action-?(?:bar|buttons|links)|click-?to-?tweet|tweet-?(?:this|box|button|quote)|"
        r"bctt\w*|print-?(?:button|link|only)|partager|compartir|condividi|teilen",
    ),
    (
        MarkupKind.ADVERT,
        r"ads?|adverts?|advert(?:isement|ising|orial)s?|ad-?(?:slot|unit|box|container|wrapper|label|block|banner|"
        r"zone|text|placeholder|space)\w*|adsbygoogle|dfp|gpt-?ad|google-?ads?\w*|banner-?(?:ad|ads)|code-?block-\d+|"
        r"sponsor(?:ed|s|ship)?|"
        r"sponsored-?\w+|promoted|commercial|affiliate(?:-?\w+)?|publicidade?|pubblicita|anzeigen?|werbung|reklama?|"
        r"partner-?(?:box|content|links)|deal-?(?:box|card)|shop(?:ping)?-?(?:box|widget|card)|product-?(?:card|box|"
        r"widget)|buy-?(?:button|box|now)",
    ),
    (
        MarkupKind.EMBED,
        r"twitter-?(?:tweet|video|embed)|instagram-?(?:media|embed)|tiktok-?embed|fb-?(?:post|video)|reddit-?(?:card|"
        r"embed)|bluesky-?embed|telegram-?post",
    ),
    (
        MarkupKind.CAPTION,
        r"(?:[a-z]+-)*captions?(?:-?(?:text|full|truncated|container|wrapper|content|body|credit|bar|inner|box|title|"
        r"block))*|cutline|(?:image|photo|picture|media|video|img|figure|foto|gallery|lead|hero|slide)-?(?:credits?|"
        r"source|description|legend|copyright|desc|title|info|text|attribution|footer|meta)|"
        r"credits?(?:-?line)?|photo-?by|figcaption|legende|bildunterschrift|bildtext|pie-?(?:de-?)?foto|didascalia|"
        r"fotocredit|gallery(?:-?(?:item|list|overlay|slide|container|wrapper|modal|text))*|slideshow|photo-?gallery|"
        r"lightbox|image-?gallery",
    ),
    (
        MarkupKind.PLAYER,
        r"(?:video|audio|media|podcast|vjs|jw|brightcove|youtube|vimeo|plyr)-?(?:player|playlist|container|wrapper|"
        r"embed|js|controls?|overlay|error|list|carousel|title|meta|headline|js)?s?|jwplayer|video-?js|player|"
        r"playlist|now-?playing|listen|text-?to-?speech|tts|audio-?\w+|podcast-?\w+",
    ),
    (
        MarkupKind.AUTHOR,
        r"(?:about-?(?:the-?)?)?(?:author|writer|contributor|reporter|autor|auteur|autore)s?-?(?:bio|box|info|"
        r"description|desc|card|about|profile|details?|block|footer|section|text|blurb)\w*|about-?(?:the-?)?authors?|"
        r"bio(?:graphy|-?\w+)?|vcard",
    ),
    (
        MarkupKind.BYLINE,
        r"by-?lines?(?:-?\w+)?|date-?line(?:-\w+)*|(?:post|entry|article|story|page|news|content|item)-?(?:meta|info|"
        r"date|time|details|by|author|authors|data|header-?meta|timestamp)(?:-?\w+)?|publish(?:ed)?-?(?:date|time|"
        r"on)?|"
        r"pub-?date|(?:date|time)-?(?:published|stamp|line|posted|updated|modified)|timestamp|updated(?:-?\w+)?|"
        r"authors?(?:-?(?:name|link|list|by|names))?|read(?:ing)?-?time|estimated-?read-?time|"
        r"tags?(?:-?(?:list|links|cloud|container|wrapper|box|items?))?|taglist|categories|cat-?links|tag-?links|"
        r"topics?(?:-?(?:list|links|tags))|keywords|breadcrumbs?|kicker|eyebrow|overline|section-?(?:label|name|"
        r"title)|word-?count|disclaimer|corrections?-?link|copyright|licen[sc]e|rights",
    ),
    (
        MarkupKind.LIVE,
        r"key-?(?:moments?|events?|points?)(?:-?\w+)*|live-?(?:blog-?)?(?:summary|ticker|nav|menu|key-?events)|"
        r"timeline-?nav",
    ),
    (
        MarkupKind.LEAD,
        r"(?:article-?|story-?|post-?|entry-?|news-?|header-?|page-?|hero-?|content-?header-?|the-?nation-?|"
        r"dek-?)*(?:dek|deck|standfirst|sub-?head(?:line|ing|er)?|sub-?titles?|excerpt|summary|lead-?text|"
        r"intro(?:duction|-?text)?|"
        r"lede|lead-?in|lead-?paragraph|teaser-?text|abstract|description|blurb|chapo|chapeau|vorspann|entradilla|"
        r"bajada|copete|sumario|sommario|occhiello|linha-?fina|heading-?des|sapo|preamble|ingress)(?:-?(?:text|"
        r"summary|content|wrapper|title|article))*",
    ),
    (MarkupKind.PULL_QUOTE, r"pull-?quotes?|pullquote\w*|quote-?(?:box|pull)|blockquote-?pull|callout-?quote"),
    (
        MarkupKind.NAVIGATION,
        r"nav(?:bar|igation)?|menus?(?:-?\w+)?|site-?(?:header|footer|nav|map|info|menu)|(?:global|main|page|top|"
        r"primary)-?(?:header|footer|nav|menu)|footer(?:-?\w+)?|masthead|side-?bar(?:s|-?\w+)?|aside|breadcrumbs?|"
        r"pagination|pager|page-?links|"
        r"skip-?(?:link|to-?content|nav)s?|screen-?reader-?(?:text|only)|search(?:-?(?:form|box|bar|results))?|"
        r"widgets?|language-?(?:switcher|menu)|off-?canvas|drawer|mega-?menu|toc|table-?of-?contents|jump-?(?:links|"
        r"nav)|back-?to-?top|tooltip|alert-?bar|breaking-?(?:news-?)?(?:bar|banner)|weather|stock-?ticker|poll|quiz|"
        r"survey|donat(?:e|ion)s?(?:-?\w+)?|event-?calendar|cta|call-?to-?action|call-?out|infobox|side-?box|"
        r"fact-?box-?link|author-?follow|error-?(?:message|page|msg)",
    ),
    (
        MarkupKind.HIDDEN,
        r"(?:is-?)?hidden|hide|visually-?hidden|sr-?only|invisible|d-none|no-?display|noscript|print-?only|"
        r"show-?(?:for-)?print|u-hidden",
    ),
)
_MATCHERS = tuple((kind, re.compile(rf"-(?:{pattern})-")) for kind, pattern in _NAMES)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARTS = re.compile(r"[^a-z0-9]+")
# A post's own class list names its tags, categories and how the page is laid out: nothing about what the element is
# (`tag-budget`, but `tag-list`; `author-jonas`, but `author-box`).
_FOREIGN = re.compile(
    r"^(?:has|no|is|with|without|wp-block|post-type|type|status|format|single|page-template|"
    r"template|theme|col|row|grid|js|mod|section-is|article-has|lg|md|sm|xl|(?:m|p)[btlrxy]?(?=-\d)|"
    r"(?:tag|category|cat|topic|author)(?![-_]+(?:bio|blurb|box|card|cloud|container|desc|details?|footer|info|items?|"
    r"links?|list|meta|name|profile|wrap|wrapper)(?:$|[-_])))[-_]",
    re.IGNORECASE,
)


@lru_cache(maxsize=16384)
def markup_kind(class_names: str, element_id: str, role: str) -> MarkupKind | None:
    """What the names say of one element; None where they say nothing."""
    if role in _ROLES:
        return _ROLES[role]
    tokens = [token for token in class_names.split()[:20] if not _FOREIGN.match(token)]
    if element_id and len(element_id) < 60:
        tokens.append(element_id)
    kinds = [kind for token in tokens if (kind := _token_kind(token[:80])) is not None]
    if MarkupKind.BODY in kinds:
        return MarkupKind.BODY
    return min(kinds, key=_RANK.__getitem__, default=None)


def kind_names(class_names: str, kind: MarkupKind) -> str:
    """Those of the class names that say the kind: equal for elements that differ only in how they look."""
    return " ".join(token for token in class_names.split()[:20] if _token_kind(token[:80]) is kind)


@lru_cache(maxsize=16384)
def _token_kind(token: str) -> MarkupKind | None:
    words = _PARTS.sub("-", _CAMEL.sub("-", token).lower()).strip("-")
    # A build's hash or a block's name in front (`c-`, `l-`, `css-1x2y3z`) must not hide the word behind it.
    text = f"-{words}-"
    return next((kind for kind, pattern in _MATCHERS if pattern.search(text)), None)


_RANK = {kind: number for number, kind in enumerate(MarkupKind)}
_ROLES = {
    "navigation": MarkupKind.NAVIGATION,
    "banner": MarkupKind.NAVIGATION,
    "contentinfo": MarkupKind.NAVIGATION,
    "search": MarkupKind.NAVIGATION,
    "menu": MarkupKind.NAVIGATION,
    "menubar": MarkupKind.NAVIGATION,
    "dialog": MarkupKind.CONSENT,
    "alertdialog": MarkupKind.CONSENT,
    "complementary": MarkupKind.RELATED,
    "tooltip": MarkupKind.HIDDEN,
}
