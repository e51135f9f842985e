"""The catalogue: what is crawled, how often and how gently, in TOML.

In: a file or a folder of `*.toml`. Out: checked `Source`s in the order of the files. Every error is one sentence that
names the file, the source and the key.

    [politeness]                  # for all sources of this file; a source may have its own
    delay_seconds = 1.0
    [[source]]
    id = "sky-news"
    name = "Sky News"
    homepage = "https://news.sky.com/"
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import ConfigurationError, did_you_mean
from pipelines.model import SourceFacts

WORLD = "world"
Model = TypeVar("Model", bound=BaseModel)
Cadence = Literal["15min", "hourly", "daily"]
# ISO 3166-1 alpha-2, and what that leaves to its users, as XK for Kosovo.
_COUNTRY_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
_COUNTRIES = frozenset(_COUNTRY_CODES.split())
# ISO 639-1; a code of three letters (ISO 639-3) is believed.
_LANGUAGE_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el "
    "en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu "
    "ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na "
    "nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so "
    "sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_LANGUAGES = frozenset(_LANGUAGE_CODES.split())
# What pydantic finds, for a person who writes TOML.
_MUST = {
    "bool_type": "true or false",
    "finite_number": "a number",
    "float_type": "a number, without quotes",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_type": "a whole number, without quotes",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_too_long": "of at most {max_length} characters",
    "string_too_short": "a text that is not empty",
    "string_type": 'a text in quotes, as "…"',
    "tuple_type": 'a list in brackets, as ["…"]',
}
_SHOWN = 80  # characters of a wrong value
_USERS_COUNTRIES = re.compile("AA|Q[M-Z]|X[A-Z]|ZZ")
_MEANT_COUNTRIES = {"UK": "GB", "EL": "GR"}
_INTERVALS = {"15min": timedelta(minutes=15), "hourly": timedelta(hours=1), "daily": timedelta(days=1)}


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        readable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of brackets or a port that are none
        readable = False
    if not readable or any(char.isspace() for char in value):
        raise ValueError(f"{value!r} is not an http or https address")
    if parts.username or parts.password:
        raise ValueError("an address may not contain a user name or password")
    return value


def country_of(code: str) -> str | None:
    """The ISO 3166 code that a code in small letters or in common use means, as `GB` by `uk`; None if there is none."""
    meant = _MEANT_COUNTRIES.get(code.upper(), code.upper())
    return meant if meant in _COUNTRIES or _USERS_COUNTRIES.fullmatch(meant) else None


def _country(value: str) -> str:
    meant = country_of(value)
    if meant != value:
        hint = f"; did you mean {meant!r}?" if meant else ""
        raise ValueError(f'{value!r} is no ISO 3166 code of a country, as "GB"{hint}')
    return value


def _language(value: str) -> str:
    if value not in _LANGUAGES and not re.fullmatch(r"[a-z]{3}", value):
        raise ValueError(f'{value!r} is no ISO 639 code of a language, as "en"')
    return value


Address = Annotated[str, AfterValidator(_web_address)]
Country = Annotated[str, AfterValidator(_country)]
Language = Annotated[str, AfterValidator(_language)]
Delay = Annotated[float, Field(strict=True, ge=0, le=600, allow_inf_nan=False)]
Concurrency = Annotated[int, Field(strict=True, ge=1, le=16)]


OptOut = Literal["noai", "noarchive", "noimageai", "noindex", "tdm"]


class Politeness(BaseModel):
    """How gently hosts are asked; robots.txt may ask for more, never for less. What opts out so is not archived."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_seconds: Delay = 1.0
    concurrency: Concurrency = 2
    honour_opt_out: tuple[OptOut, ...] = ()


class Source(BaseModel):
    """One `[[source]]`: all but id, name and homepage may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")
    name: str = Field(min_length=1, max_length=200)
    homepage: Address
    country: Country | None = None
    languages: tuple[Language, ...] = ()
    feeds: tuple[Address, ...] | None = None
    sitemaps: tuple[Address, ...] | None = None
    sections: tuple[Address, ...] = ()
    cadence: Cadence = "hourly"
    agency: bool = Field(False, strict=True)
    delay_seconds: Delay | None = None
    concurrency: Concurrency | None = None
    honour_opt_out: tuple[OptOut, ...] | None = None
    max_pages: int = Field(1000, strict=True, ge=1, le=2000)
    browser: bool = Field(False, strict=True)

    @property
    def interval(self) -> timedelta:
        """The time between two crawls of its cadence."""
        return _INTERVALS[self.cadence]

    def facts(self) -> SourceFacts:
        """What a capture keeps of the source."""
        return SourceFacts(
            id=self.id,
            name=self.name,
            homepage=self.homepage,
            country=self.country,
            languages=self.languages,
            agency=self.agency,
        )

    def politely(self, politeness: Politeness) -> "Source":
        """The source with the file's politeness where it has none of its own."""
        given = politeness.model_dump()
        return self.model_copy(update={name: given[name] for name in given if getattr(self, name) is None})


def catalogue_path(name: str) -> Path:
    """The path that `--sources` names; `world` is the starter catalogue that comes with the package."""
    if name == WORLD:
        return Path(str(resources.files("crawlers") / "sources.toml"))
    return Path(name)


def load_catalogue(path: Path) -> tuple[Source, ...]:
    """All sources of a TOML file, or of the `*.toml` files of a folder. Raises ConfigurationError."""
    if path.is_dir():
        files = sorted(path.glob("*.toml"))
        if not files:
            raise ConfigurationError(f"The folder {path} holds no *.toml catalogue.")
    else:
        files = [path]
    sources: list[Source] = []
    homes: dict[str, Path] = {}
    for file in files:
        for source in _load_file(file):
            if source.id in homes:
                raise ConfigurationError(f"{file}: the source id {source.id!r} is already used in {homes[source.id]}.")
            homes[source.id] = file
            sources.append(source)
    return tuple(sources)


def select_sources(sources: Sequence[Source], ids: Iterable[str]) -> tuple[Source, ...]:
    """The named sources in catalogue order; all if none is named. Raises ConfigurationError for an unknown id."""
    wanted = set(ids)
    known = {source.id for source in sources}
    for unknown in sorted(wanted - known):
        raise _mistake(f"The catalogue has no source {unknown!r}{did_you_mean(unknown, known)}")
    return tuple(source for source in sources if not wanted or source.id in wanted)


def checked_source(keys: Mapping[str, Any], label: str) -> Source:
    """The source of these keys. Raises ConfigurationError, a sentence that begins with the label."""
    return _checked(Source, keys, label)


def source_block(source: Source) -> str:
    """The source as TOML, ready to be put into a catalogue."""
    lines = ["[[source]]"]
    for key, value in source.model_dump(exclude_defaults=True).items():
        lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _load_file(path: Path) -> list[Source]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as cause:
        raise ConfigurationError(f"The catalogue {path} does not exist.") from cause
    except OSError as cause:
        raise ConfigurationError(f"The catalogue {path} cannot be read: {cause.strerror or cause}.") from cause
    except UnicodeDecodeError as cause:
        raise ConfigurationError(f"The catalogue {path} is not UTF-8 text; save it as UTF-8.") from cause
    except tomllib.TOMLDecodeError as cause:
        raise ConfigurationError(f"{path} is not valid TOML: {cause}.") from cause
    for key in content:
        if key not in ("source", "politeness"):
            raise _mistake(f"{path}: unknown table {key!r}{did_you_mean(key, ('source', 'politeness'))}")
    blocks = content.get("source", [])
    if not isinstance(blocks, list) or not blocks:
        brackets = ": [source] needs two brackets on each side" if blocks else ""
        raise ConfigurationError(f"{path} has no [[source]]{brackets}.")
    politeness = _checked(Politeness, content.get("politeness", {}), f"{path}, [politeness]")
    sources: list[Source] = []
    for number, block in enumerate(blocks, 1):
        name = block.get("id") if isinstance(block, dict) else None
        label = f"{path}, source {name!r}" if isinstance(name, str) else f"{path}, source number {number}"
        source = checked_source(block, label).politely(politeness)
        if any(source.id == other.id for other in sources):
            raise ConfigurationError(f"{path}: the source id {source.id!r} is used twice.")
        sources.append(source)
    return sources


def _checked(model: type[Model], block: Any, label: str) -> Model:
    try:
        return model.model_validate(block)
    except ValidationError as cause:
        raise _mistake(f"{label}: {_first_error(cause, model)}") from cause


def _mistake(words: str) -> ConfigurationError:
    return ConfigurationError(words if words.endswith("?") else f"{words}.")


def _first_error(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}{did_you_mean(key, model.model_fields)}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing"
    given = _toml(first["input"])[:_SHOWN]
    if key == "id":
        return f"the id {given} must be of lower-case letters, digits and hyphens, at most 64"
    must = _MUST.get(first["type"], "").format(**first.get("ctx", {}))
    if must:
        return f"{key!r} {'is' if len(first['loc']) == 1 else 'has'} {given}; it must be {must}"
    return f"{key!r}: {first['msg'].removeprefix('Value error, ')}" if key else "it must be a table of keys and values"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        escaped = "".join(
            {'"': '\\"', "\\": "\\\\"}.get(char, char if char.isprintable() else f"\\U{ord(char):08x}")
            for char in value
        )
        return f'"{escaped}"'
    return str(value)
