"""Text that names a moment -> an aware UTC datetime, with how exactly it was said and whether an offset was given."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from pipelines.model import DatePrecision

_EARLIEST_YEAR = 1990
_EPOCH = re.compile(r"1\d{9}(?:\d{3})?(?:\.\d+)?")
_ISO = re.compile(
    r"(?P<y>\d{4})[-/.](?P<mo>\d{1,2})[-/.](?P<d>\d{1,2})(?:(?:T|\s+|"
    r",\s*)(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?)?"
    r"\s*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{1,2}|[A-Z]{2,5})?(?:\[[\w/]+\])?$",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"(?P<y>(?:19|20)\d{2})(?P<mo>\d{2})(?P<d>\d{2})(?:T?(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})?)?(?P<z>Z|[+-]\d{4})?$"
)
_CJK = re.compile(
    r"(?P<y>\d{4})\s*[年년]\s*(?P<mo>\d{1,2})\s*[月월]\s*(?P<d>\d{1,2})\s*[日일]?(?:\D{0,12}?(?P<h>\d{1,2})\s*[:時时시]\s*(?P<mi>\d{2}))?"
)
_NUMERIC = re.compile(
    r"(?P<d>\d{1,2})[./-](?P<mo>\d{1,2})[./-](?P<y>\d{4}|\d{2}(?!\d))(?:\D{1,8}(?P<h>\d{1,2})[:.h](?P<mi>\d{2}))?"
)
_CLOCK = re.compile(
    r"(?<![\d:])(?P<h>[01]?\d|2[0-3])\s*[:.h]\s*(?P<mi>[0-5]\d)(?::(?P<s>[0-5]\d))?\s*(?P<ap>[ap]\.?m\b)?",
    re.IGNORECASE,
)
_HOUR_ONLY = re.compile(r"(?<![\d:])(?P<h>1[0-2]|[1-9])\s*(?P<ap>[ap]\.?m\b)", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d{2})?\b")
_DAY_MONTH = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)?\s*(?:de |of |d')?\s*(?P<m>[^\W\d_]{3,12})\.?,?\s*(?:de |г\. ?|"
    r"р\. ?)?\s*(?P<y>\d{4})",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(r"(?P<m>[^\W\d_]{3,12})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})", re.IGNORECASE)
_MONTHS = {
    stem: number
    for number, stems in enumerate(
        (
            "jan ene gen янв січ يناير كانونالثاني",
            "feb fév fev fèv фев лют فبراير شباط",
            "mar mär mrz märz мар бер مارس آذار",
            "apr avr abr апр кві أبريل نيسان ابريل",
            "may mai mag май мая тра مايو أيار",
            "jun jui juin giu июн чер يونيو حزيران",
            "jul juil lug июл лип يوليو تموز",
            "aug aoû aou ago авг сер أغسطس آب اغسطس",
            "sep set sept сен вер سبتمبر أيلول",
            "oct okt out ott окт жов أكتوبر تشرينالأول اكتوبر",
            "nov ноя лис نوفمبر تشرينالثاني",
            "dec dez déc dic дек гру ديسمبر كانونالأول",
        ),
        start=1,
    )
    for stem in stems.split()
}
_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "bst": 60, "ist": 330, "wet": 0, "west": 60, "cet": 60, "mez": 60, "cest": 120,
    "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "мск": 180, "est": -300, "edt": -240, "et": -300, "cst": -360,
    "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "pt": -480, "akst": -540, "hst": -600,
    "jst": 540, "kst": 540, "hkt": 480, "sgt": 480, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780, "wib": 420,
    "pkt": 300, "brt": -180, "art": -180, "sast": 120,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in UTC; without an offset the clock time is taken as UTC and `has_offset` is false."""

    at: datetime
    precision: DatePrecision
    has_offset: bool

    def shifted(self, offset: timedelta) -> "Moment":
        """The moment if its clock time was said at that offset."""
        return Moment(self.at - offset, self.precision, True)


def parse_moment(text: str, latest: datetime | None = None) -> Moment | None:
    """The moment that a machine or a person wrote; None if there is none between 1990 and `latest`."""
    text = " ".join(text.split())[:200]
    if not text:
        return None
    try:
        found = _parsed(text)
    except (ValueError, OverflowError, TypeError):
        return None
    if (
        found is None
        or found.at.year < _EARLIEST_YEAR
        or (latest is not None and found.at > latest + timedelta(days=2))
    ):
        return None
    return found


def offset_of(text: str) -> timedelta | None:
    """The UTC offset that an ISO time names; None if it names none or says UTC."""
    match = re.search(r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*([+-])(\d{2}):?(\d{2})$", text.strip())
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -offset if match[1] == "-" else offset


def _parsed(text: str) -> Moment | None:
    if _EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text.partition(".")[0]) == 13 else 1)
        return Moment(datetime.fromtimestamp(seconds, UTC), DatePrecision.SECOND, True)
    match = _ISO.match(text) or _COMPACT.match(text)
    if match is not None:
        return _from_parts(match)
    if re.match(r"^[A-Za-z]{3},? \d{1,2} [A-Za-z]{3} \d{4} \d", text):
        at = parsedate_to_datetime(text)
        has_offset = at.tzinfo is not None
        return Moment((at if has_offset else at.replace(tzinfo=UTC)).astimezone(UTC), DatePrecision.SECOND, has_offset)
    return _from_prose(text)


def _from_parts(match: re.Match[str]) -> Moment:
    zone = match["z"]
    at = datetime(
        int(match["y"]),
        int(match["mo"]),
        int(match["d"]),
        int(match["h"] or 0),
        int(match["mi"] or 0),
        int(match["s"] or 0),
        tzinfo=UTC,
    )
    if match["h"] is None:
        return Moment(at, DatePrecision.DAY, False)
    precision = DatePrecision.SECOND if match["s"] is not None else DatePrecision.MINUTE
    offset = _offset(zone) if zone else None
    return Moment(at if offset is None else at - offset, precision, offset is not None)


def _from_prose(text: str) -> Moment | None:
    """A date as people write it, with a clock time beside it if there is one."""
    match = _CJK.search(text) or _NUMERIC.search(text)
    if match is not None:
        hour = int(match["h"]) if match["h"] else None
        year = int(match["y"])
        at = datetime(
            year if year > 99 else 2000 + year,
            int(match["mo"]),
            int(match["d"]),
            hour or 0,
            int(match["mi"] or 0),
            tzinfo=UTC,
        )
        return Moment(at, DatePrecision.DAY if hour is None else DatePrecision.MINUTE, False)
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            month = _month(match["m"])
            if month is not None:
                day = datetime(int(match["y"]), month, int(match["d"]), tzinfo=UTC)
                return _with_clock(day, text[: match.start()] + " " + text[match.end() :])
    return None


def _with_clock(day: datetime, rest: str) -> Moment:
    clock = _CLOCK.search(rest) or _HOUR_ONLY.search(rest)
    if clock is None:
        return Moment(day, DatePrecision.DAY, False)
    parts = clock.groupdict()
    hour = int(parts["h"])
    if parts["ap"]:
        hour = hour % 12 + (12 if parts["ap"].lower().startswith("p") else 0)
    at = day + timedelta(hours=hour, minutes=int(parts.get("mi") or 0))
    offset = _zone_in(rest[clock.end() :])
    return Moment(at if offset is None else at - offset, DatePrecision.MINUTE, offset is not None)


def _zone_in(text: str) -> timedelta | None:
    if match := _OFFSET.search(text[:20]):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return -offset if match[1] == "-" else offset
    for word in re.findall(r"[^\W\d_]+", text[:24])[:2]:
        if word.lower() in _ZONES and word.isupper():
            return timedelta(minutes=_ZONES[word.lower()])
    return None


def _offset(zone: str) -> timedelta | None:
    if zone.lower() in _ZONES:
        return timedelta(minutes=_ZONES[zone.lower()])
    match = re.fullmatch(r"([+-])(\d{1,2}):?(\d{2})?", zone)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    timezone(offset)  # raises ValueError beyond a day
    return -offset if match[1] == "-" else offset


def _month(word: str) -> int | None:
    word = word.lower()
    return next((_MONTHS[word[:size]] for size in (len(word), 4, 3) if word[:size] in _MONTHS), None)
