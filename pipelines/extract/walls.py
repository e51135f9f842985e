"""Walls: pages that stand in an article's place (not found, consent, login, robots, out of order) and what they say.

By its headline, or, on a page with little else, by how it speaks to its visitor: of what *you* were looking for, of
what *our* partners store. News speaks of others. A page that declares an article is judged by its headline alone.
"""

import re
from collections.abc import Sequence

_SHORT_CHARS = 1_200
_BARE_CHARS = 700
_VIDEO_CHARS = 500
_OPENING_CHARS = 300
_FIRST_CHARS = 160

_NOT_FOUND = re.compile(
    r"^\W*(?:error\W*)?404\b|\b(?:page|article|story|content) (?:not|can(?:no|['’])t be|could not be|is no longer|"
    r"no longer) (?:found|available)|^(?:error|fehler|erreur|errore|erro|ошибка) 404\b|"
    r"^(?:page |article )?not found\b|(?:page|article) (?:doesn['’]t|does not) exist|"
    r"(?:can['’]?t|cannot|couldn['’]t|could not) find (?:that|the|this) (?:page|article|story)|"
    r"(?:seite|artikel|beitrag) (?:(?:wurde|ist) )?(?:leider )?nicht (?:mehr )?"
    r"(?:gefunden|verfügbar|verfuegbar|vorhanden)|"
    r"diese seite existiert nicht|(?:article|contenu) (?:indisponible|n['’]est plus disponible)|"
    r"(?:artículo|contenido) (?:ya )?no (?:está )?disponible|articolo non (?:è )?(?:più )?disponibile|"
    r"artigo (?:indisponível|(?:já )?não (?:está )?(?:mais )?disponível)|"
    r"artikel (?:is )?niet (?:langer |meer )?beschikbaar|"
    r"page (?:introuvable|non trouvée)|cette page n['’]existe|página no encontrada|no encontramos la página|"
    r"página não encontrada|pagina non trovata|pagina niet gevonden|nie znaleziono strony|"
    r"sayfa bulunamadı|sidan (?:hittades inte|kunde inte hittas|finns inte)|siden (?:blev|ble) ikke funnet|"
    r"страница не найдена|сторінк[аy] не знайдена|"
    r"الصفحة غير موجودة|页面(?:不存在|未找到)|ページが見つかりません|페이지를 찾을 수 없|पृष्ठ नहीं मिला",
    re.IGNORECASE,
)
_ROBOT = re.compile(
    r"^(?:just a moment|attention required|access (?:to this page has been )?denied|are you a (?:human|robot)|"
    r"(?:please )?verify (?:that )?you(?:['’]re| are) (?:a )?human|robot check|security check|pardon our interruption|"
    r"one more step|403 forbidden|forbidden|checking your browser|ddos protection|too many requests|429\b|"
    r"please enable (?:javascript|cookies))\b",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"before you continue|(?:your|our) (?:cookie|privacy) (?:choices|settings|preferences)|we (?:value|"
    r"care about) your privacy|"
    r"cookie (?:consent|wall|notice|preferences|settings)|(?:mit werbung|werbefrei) (?:weiter)?lesen|accepte[rz] (?:et|"
    r"les cookies)|"
    r"(?:zustimmung|einwilligung) (?:erforderlich|zu cookies)|consent (?:required|management)|gestion des cookies|"
    r"política de cookies",
    re.IGNORECASE,
)
_CONSENT_WORDS = re.compile(
    r"cookie|consent|privacy|partners|personalis|personaliz|advertis|datenschutz|werbung|einwillig|tracking|vendors|"
    r"legitimate interest",
    re.IGNORECASE,
)
_OUR_PARTNERS = re.compile(
    r"\b(?:we|us) and our\b.{0,20}\bpartners|\bour (?:[\d,.]+ )?(?:trusted )?partners\b|"
    r"\bwir und unsere\b.{0,20}\bpartner|\bunsere[rn]? (?:[\d.]+ )?partner|\bnos (?:[\d ]+)?partenaires\b|"
    r"\bnoi e (?:terze parti|i nostri)\b|\bnostri (?:[\d.]+ )?partner\b|\bnosotros y nuestros\b|"
    r"\bnuestros (?:[\d.]+ )?socios\b|\bnós e (?:os )?nossos\b|\bnossos (?:[\d.]+ )?parceiros\b|"
    r"\bonze (?:[\d.]+ )?partners\b|\bmy i nasi\b|\bnasi (?:zaufani )?partnerzy\b|\bvåra partners?\b",
    re.IGNORECASE,
)
_COOKIES = re.compile(r"cookie|personal data|données personnelles|datos personales|dati personali", re.IGNORECASE)
_LOGIN = re.compile(
    r"^(?:log ?in|sign ?in|register|create (?:an|your) account|subscribe|anmelden|einloggen|registrieren|"
    r"se connecter|connexion|"
    r"iniciar sesión|inicia sesión|entrar|fazer login|accedi|войти|вход|увійти|вхід|"
    r"تسجيل الدخول|登录|登錄|ログイン)\b.{0,60}$",
    re.IGNORECASE,
)
_OUT_OF_ORDER = re.compile(
    r"^(?:50\d\b|service (?:temporarily )?unavailable|internal server error|bad gateway|gateway time-?out|"
    r"(?:site |website |scheduled )?maintenance$|we['’]ll be (?:right )?back|under maintenance|something went wrong)",
    re.IGNORECASE,
)
# How a page speaks to its visitor, and of what it is then.
_SPOKEN_NOT_FOUND = re.compile(
    r"\b(?:page|article|story|content|link|address)\b.{0,30}\byou(?:['’]re| are| were|['’]ve| have)? "
    r"(?:requested|looking for|searched for|searching for|followed|tried|wanted|after)\b|"
    r"\b(?:find|found) what you (?:are|were) (?:after|looking for)|"
    r"\b(?:page|article|story|content) (?:requested|you requested) (?:is|was|does|has|can|could)\b|"
    r"\blink (?:you followed )?(?:may|might) be broken|"
    r"\b(?:we|we['’]re sorry,? we) (?:can['’]?t|cannot|couldn['’]t|could not) find (?:that|the|this) page|"
    r"\b(?:gesuchte|gewünschte|angeforderte|aufgerufene) (?:seite|artikel)|"
    r"\b(?:seite|artikel),? d(?:ie|en) sie such|"
    r"\b(?:page|article) (?:que vous (?:re)?cherchez|que vous (?:avez )?demand|demandée? (?:n['’]|est))|"
    r"\b(?:página|nota|noticia|artículo) que (?:buscas|estás buscando|intentas|solicitaste)\b|"
    r"\bpágina que (?:usted )?busca (?:ya )?no\b|"
    r"\bpágina que você (?:procura|tentou|solicitou|está)|"
    r"\bpagina (?:che (?:stai cercando|cercavi)|richiesta non)\b|"
    r"\bpagina die (?:u|je) (?:zoekt|zocht|probeer)|\bstron[ay],? której szukasz|\bsidan du (?:söker|letar)|"
    r"\bsiden du (?:leter|søger)|aradığınız (?:sayfa|haber|içerik)|"
    r"страниц[аы],? котор(?:ую|ой) вы (?:ищете|искали|запраш)|сторінк[аи],? як(?:у|ої) ви шука|"
    r"お探しのページ|(?:您|你)(?:访问|要访问|查看|要查看|请求|查找|要找)的?(?:页面|内容|文章)|"
    r"(?:찾으시는|요청하신) 페이지|الصفحة التي (?:تبحث|طلبت)|आप जिस (?:पृष्ठ|पेज)",
    re.IGNORECASE,
)
_SPOKEN = (
    ("page not found", _SPOKEN_NOT_FOUND),
    (
        "page not found",
        re.compile(
            r"\bthis (?:page|article|story|content|post) (?:has been|was|is) "
            r"(?:removed|deleted|taken down|withdrawn|no longer available)|"
            r"\bdiese[rs]? (?:artikel|beitrag|seite|inhalt) (?:ist|wurde) (?:leider )?"
            r"(?:nicht mehr (?:verfügbar|verfuegbar|vorhanden)|gelöscht|entfernt)|"
            r"\bcet(?:te)? (?:article|page) n['’](?:est plus disponible|existe plus)|\bcette page a été supprimée|"
            r"\best[ea] (?:artículo|página|noticia) ya no (?:está disponible|existe)|"
            r"\bquest[oa] ?(?:articolo|pagina) non (?:è più disponibile|esiste più)|"
            r"\best[ea] (?:artigo|página|notícia) (?:já não está|não está mais) disponível|"
            r"\b(?:dit artikel|deze pagina) is (?:niet (?:langer|meer) beschikbaar|verwijderd)|"
            r"эта (?:статья|страница) (?:больше не (?:доступ|существ)|удал)|этот материал (?:больше не доступ|удал)",
            re.IGNORECASE,
        ),
    ),
    (
        "robot wall",
        re.compile(
            r"\bverify (?:that )?you(?:['’]re| are) (?:a )?human|\bcomplete the (?:security check|captcha)\b|"
            r"\bjavascript (?:is|seems to be) (?:disabled|required|not enabled)|"
            r"\benable (?:javascript|cookies)\b.{0,40}\b(?:your browser|to continue|and reload|to view|to read)|"
            r"\byour browser does not (?:accept cookies|support javascript)|\byou have sent too many requests",
            re.IGNORECASE,
        ),
    ),
    (
        "out of order",
        re.compile(
            r"\b(?:our|this) (?:site|website|service|page) is (?:currently |temporarily )?"
            r"(?:down|unavailable|undergoing|under)\b|\bserver is (?:temporarily|currently) un(?:able|available)\b|"
            r"\berror (?:has )?occurred while processing your request",
            re.IGNORECASE,
        ),
    ),
    (
        "not for here",
        re.compile(
            r"\byou are (?:attempting|trying) to access this (?:web)?site from\b|"
            r"\b(?:content|page|site|article) is not available in your (?:region|country|location)|"
            r"\byou must be (?:1[68]|21|over|at least)\b|\bconfirm (?:that )?you(?:r age| are (?:over|at least))",
            re.IGNORECASE,
        ),
    ),
    (
        "advertising wall",
        re.compile(r"\byou(?:['’]re| are) using an ad ?-?blocker|\bdisable your ad ?-?blocker", re.IGNORECASE),
    ),
    (
        "no site",
        re.compile(r"\bdomain (?:name )?(?:\S+ )?(?:is|may be) for sale|\bbuy this domain", re.IGNORECASE),
    ),
)


def wall(titles: Sequence[str], text: str, prose_chars: int, *, is_declared: bool) -> str | None:
    """What kind of wall the page is; None for one that is none. `titles`: its headlines, in its head and on it."""
    if not is_declared and _SPOKEN_NOT_FOUND.search(text[:_FIRST_CHARS]):
        return "page not found"  # however much else it offers to read
    if prose_chars > _SHORT_CHARS:
        return None
    for title in titles:
        for kind, pattern in (("page not found", _NOT_FOUND), ("robot wall", _ROBOT), ("out of order", _OUT_OF_ORDER)):
            if pattern.search(title.strip()):
                return kind
        if _LOGIN.search(title.strip()) and prose_chars < _VIDEO_CHARS:
            return "login wall"
    if _asks_consent(titles, text):
        return "consent wall"
    if is_declared or prose_chars > _BARE_CHARS:
        return None
    opening = " ".join([*titles, text[:_OPENING_CHARS]])
    return next((kind for kind, pattern in _SPOKEN if pattern.search(opening)), None)


def _asks_consent(titles: Sequence[str], text: str) -> bool:
    opening = text[:_OPENING_CHARS]
    if _OUR_PARTNERS.search(opening) and _COOKIES.search(text):
        return True
    is_named = any(_CONSENT.search(title) for title in titles) or _CONSENT.search(opening) is not None
    words = max(1, len(text.split()))
    return is_named and len(_CONSENT_WORDS.findall(text)) > words / 40
