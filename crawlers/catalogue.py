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

import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import ConfigurationError
from pipelines.model import SourceFacts

WORLD = "world"
Model = TypeVar("Model", bound=BaseModel)
Cadence = Literal["15min", "hourly", "daily"]
_INTERVALS = {"15min": timedelta(minutes=15), "hourly": timedelta(hours=1), "daily": timedelta(days=1)}


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(char.isspace() for char in value):
        raise ValueError(f"{value!r} is not an http or https address")
    if parts.username or parts.password:
        raise ValueError("an address may not contain a user name or password")
    return value


Address = Annotated[str, AfterValidator(_web_address)]


OptOut = Literal["noai", "noarchive", "noimageai", "noindex", "tdm"]


class Politeness(BaseModel):
    """How gently hosts are asked; robots.txt may ask for more, never for less. What opts out so is not archived."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_seconds: float = Field(1.0, ge=0, le=600)
    concurrency: int = Field(2, ge=1, le=16)
    honour_opt_out: tuple[OptOut, ...] = ()


class Source(BaseModel):
    """One `[[source]]`: all but id, name and homepage may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")
    name: str = Field(min_length=1, max_length=200)
    homepage: Address
    country: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = ()
    feeds: tuple[Address, ...] | None = None
    sitemaps: tuple[Address, ...] | None = None
    sections: tuple[Address, ...] = ()
    cadence: Cadence = "hourly"
    agency: bool = False
    delay_seconds: float | None = Field(None, ge=0, le=600)
    concurrency: int | None = Field(None, ge=1, le=16)
    honour_opt_out: tuple[OptOut, ...] | None = None
    max_pages: int = Field(1000, ge=1, le=2000)
    browser: bool = False

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
        raise ConfigurationError(f"The catalogue has no source {unknown!r}{_did_you_mean(unknown, known)}.")
    return tuple(source for source in sources if not wanted or source.id in wanted)


def source_block(source: Source) -> str:
    """The source as TOML, ready to be put into a catalogue."""
    lines = ["[[source]]"]
    for key, value in source.model_dump(exclude_defaults=True).items():
        lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _load_file(path: Path) -> list[Source]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise ConfigurationError(f"The catalogue {path} does not exist.") from cause
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigurationError(f"The catalogue {path} cannot be read: {cause}.") from cause
    except tomllib.TOMLDecodeError as cause:
        raise ConfigurationError(f"{path} is not valid TOML: {cause}.") from cause
    for key in content:
        if key not in ("source", "politeness"):
            raise ConfigurationError(f"{path}: unknown table {key!r}{_did_you_mean(key, ('source', 'politeness'))}.")
    blocks = content.get("source", [])
    if not isinstance(blocks, list) or not blocks:
        raise ConfigurationError(f"{path} has no [[source]].")
    politeness = _checked(Politeness, content.get("politeness", {}), f"{path}, [politeness]")
    sources: list[Source] = []
    for number, block in enumerate(blocks, 1):
        name = block.get("id") if isinstance(block, dict) else None
        label = f"{path}, source {name!r}" if isinstance(name, str) else f"{path}, source number {number}"
        source = _checked(Source, block, label).politely(politeness)
        if any(source.id == other.id for other in sources):
            raise ConfigurationError(f"{path}: the source id {source.id!r} is used twice.")
        sources.append(source)
    return sources


def _checked(model: type[Model], block: Any, label: str) -> Model:
    try:
        return model.model_validate(block)
    except ValidationError as cause:
        raise ConfigurationError(f"{label}: {_first_error(cause, model)}.") from cause


def _first_error(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}{_did_you_mean(key, model.model_fields)}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing"
    if key == "id":
        return f"the id {first['input']!r} must be of lower-case letters, digits and hyphens, at most 64"
    if key == "country":
        return f'the country {first["input"]!r} must be an ISO 3166 code of two capital letters, as "GB"'
    message = re.sub(r"^Value error, ", "", first["msg"]).rstrip(".")
    return f"{key!r}: {message}" if key else message


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


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
