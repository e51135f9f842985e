"""The news agency that an article credits: in its dateline, its byline or its last lines."""

import re

_HEAD_CHARS = 400
_TAIL_LINES = 4
_AGENCIES: tuple[tuple[str, str], ...] = (
    ("Reuters", r"Reuters"),
    ("AP", r"AP|Associated Press|The Associated Press"),
    ("AFP", r"AFP|Agence France[- ]Presse"),
    ("dpa", r"dpa(?:/\w+)?|Deutsche Presse-Agentur"),
    ("EFE", r"EFE|Agencia EFE"),
    ("ANSA", r"ANSA"),
    ("Adnkronos", r"Adnkronos"),
    ("Lusa", r"Lusa"),
    ("Xinhua", r"Xinhua|新华社|新華社"),
    ("China News Service", r"中新社|中新网"),
    ("Kyodo", r"Kyodo(?: News)?|共同(?:通信)?"),
    ("Jiji", r"Jiji(?: Press)?|時事(?:通信)?"),
    ("Yonhap", r"Yonhap|연합뉴스"),
    ("TASS", r"TASS|ТАСС"),
    ("Interfax", r"Interfax|Интерфакс"),
    ("RIA Novosti", r"RIA Novosti|РИА Новости"),
    ("Interfax-Ukraine", r"Interfax-Ukraine|Інтерфакс-Україна"),
    ("Ukrinform", r"Ukrinform|Укрінформ|Укринформ"),
    ("PTI", r"PTI|Press Trust of India"),
    ("IANS", r"IANS"),
    ("ANI", r"ANI"),
    ("UPI", r"UPI"),
    ("PA", r"PA|PA Media|Press Association"),
    ("AAP", r"AAP"),
    ("Canadian Press", r"CP|The Canadian Press|Canadian Press"),
    ("APA", r"APA"),
    ("SDA", r"SDA|Keystone-SDA"),
    ("ATS", r"ATS|Keystone-ATS"),
    ("Belga", r"Belga"),
    ("ANP", r"ANP"),
    ("Europa Press", r"Europa Press"),
    ("Notimex", r"Notimex"),
    ("Anadolu", r"AA|Anadolu(?: Agency)?"),
    ("MENA", r"MENA|أ ش أ"),
    ("WAM", r"WAM|وام"),
    ("SPA", r"SPA|واس"),
    ("Bloomberg", r"Bloomberg"),
    ("AFP", r"أ ف ب|ا ف ب|فرانس برس|法新社|АФП"),
    ("Reuters", r"رويترز|路透社?|ロイター|Рейтер|Рейтерс"),
    ("AP", r"أسوشيتد برس|أ ب|美联社|美聯社|AP通信"),
)
_ANY = "|".join(pattern for _, pattern in _AGENCIES)
# (Reuters), [AP], 【共同】, （新华社）
_BRACKETED = re.compile(rf"[(\[（【［]\s*(?:with\s+)?(?P<a>{_ANY})(?:\s*[/,&+]\s*[\w. -]{{2,30}})?\s*[)\]）】］]")
# PARIS, March 4 (AFP) is bracketed; BERLIN dpa -, Reuters -, "新华社北京3月4日电"
_DATELINE = re.compile(
    rf"^(?:[A-ZÀ-ÞА-ЯІЇЄ][\w'. -]{{1,40}}[,:]?\s+)?(?P<a>{_ANY})\s*(?:[-–—―:]|北京|东京|電|电|/)\s*\S"
)
_CREDITED = re.compile(
    rf"\b(?P<a>{_ANY})\b(?:'s)?(?:[\w\s,.]{{0,80}})?\bcontributed to this (?:report|story|article)|"
    rf"(?:source|quelle|fuente|fonte|источник|джерело|المصدر|来源|來源|出典)s?\s*[:：]\s*(?P<b>{_ANY})(?![\w])|"
    rf"(?:^|\b)(?:with (?:files|reporting|material|inputs?|information) from|mit material (?:der|von)|avec|"
    rf"con información de|com informações (?:da|de)|par|by|von)\s+(?:the\s+)?(?P<c>{_ANY})(?![\w])|"
    rf"^\W{{0,3}}(?:the\s+)?(?P<d>{_ANY})\W{{0,3}}$",
    re.IGNORECASE | re.MULTILINE,
)
_NAMES = tuple((name, re.compile(rf"(?:{pattern})", re.IGNORECASE)) for name, pattern in _AGENCIES)


def find_agency(title: str | None, text: str) -> str | None:
    """The agency's usual name, if dateline, byline or closing credit names one; a mention within the story is none."""
    head = text[:_HEAD_CHARS]
    first_line = head.partition("\n")[0]
    for place, pattern in ((first_line[:160], _BRACKETED), (first_line, _DATELINE), (title or "", _BRACKETED)):
        if found := pattern.search(place):
            return _named(found["a"])
    lines = text.splitlines()
    for line in [*lines[:2], *lines[-_TAIL_LINES:]]:
        if len(line) <= 300 and (credit := _CREDITED.search(line)):
            return _named(next(value for value in credit.groups() if value))
    for line in lines[-2:]:
        if (ending := _BRACKETED.search(line[-40:])) is not None:
            return _named(ending["a"])
    return None


def _named(found: str) -> str:
    return next((name for name, pattern in _NAMES if pattern.fullmatch(found)), found)
