"""The catalogue: four lines make a source; every mistake is one sentence with file, source and key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.catalogue import Source, load_catalogue, select_sources, source_block
from pipelines.errors import ConfigurationError

FOUR_LINES = '[[source]]\nid = "a-b"\nname = "A"\nhomepage = "https://a.example/"\n'


def written(folder: Path, text: str, name: str = "sources.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_four_lines_are_a_source(tmp_path: Path) -> None:
    (source,) = load_catalogue(written(tmp_path, FOUR_LINES))
    assert (source.id, source.cadence, source.delay_seconds, source.feeds) == ("a-b", "hourly", 1.0, None)


def test_the_files_politeness_holds_where_a_source_has_none(tmp_path: Path) -> None:
    text = "[politeness]\ndelay_seconds = 0.5\n" + FOUR_LINES + FOUR_LINES.replace("a-b", "c") + "delay_seconds = 3\n"
    assert [source.delay_seconds for source in load_catalogue(written(tmp_path, text))] == [0.5, 3]


def test_a_folder_of_files_is_one_catalogue(tmp_path: Path) -> None:
    written(tmp_path, FOUR_LINES, "a.toml")
    written(tmp_path, FOUR_LINES.replace("a-b", "c"), "b.toml")
    assert [source.id for source in load_catalogue(tmp_path)] == ["a-b", "c"]
    written(tmp_path, FOUR_LINES, "c.toml")
    with pytest.raises(ConfigurationError, match=r"c\.toml: the source id 'a-b' is already used in .*a\.toml"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            FOUR_LINES + 'feed = ["https://a.example/x"]\n',
            r"sources\.toml, source 'a-b': unknown key 'feed'; did you mean 'feeds'",
        ),
        ('[[source]]\nid = "a"\nname = "A"\n', r"source 'a': the key 'homepage' is missing"),
        (FOUR_LINES.replace("a-b", "../x"), r'the id "\.\./x" must be'),
        (
            FOUR_LINES + 'cadence = "weekly"\n',
            r"source 'a-b': 'cadence' is \"weekly\"; it must be '15min', 'hourly' or",
        ),
        (FOUR_LINES + 'feeds = "https://a.example/f"\n', r"'feeds' is \"https://a\.example/f\"; it must be a list in"),
        (FOUR_LINES + 'agency = "yes"\n', r"'agency' is \"yes\"; it must be true or false"),
        (FOUR_LINES + 'delay_seconds = "1"\n', r"'delay_seconds' is \"1\"; it must be a number"),
        (FOUR_LINES + "concurrency = true\n", r"'concurrency' is true; it must be a whole number"),
        (FOUR_LINES + "delay_seconds = nan\n", r"'delay_seconds' is nan; it must be a number"),
        (FOUR_LINES + "delay_seconds = -1\n", r"'delay_seconds' is -1; it must be at least 0"),
        (FOUR_LINES + 'country = "England"\n', r"'country': 'England' is no ISO 3166 code"),
        (FOUR_LINES + 'country = "UK"\n', r"'country': 'UK' is no ISO 3166 code .*; did you mean 'GB'\?$"),
        (FOUR_LINES + 'languages = ["jp"]\n', r"'languages': 'jp' is no ISO 639 code"),
        (FOUR_LINES + 'languages = ["en-GB"]\n', r"'languages': 'en-GB' is no ISO 639 code"),
        (FOUR_LINES.replace("a.example", "a.example:99999"), r"'homepage': 'https://a\.example:99999/' is not an http"),
        (FOUR_LINES.replace("[[source]]", "[source]"), r"has no \[\[source\]\]: \[source\] needs two brackets"),
        ("source = [3]", r"source number 1: it must be a table"),
        (FOUR_LINES.replace("https:", "ftp:"), r"'homepage': 'ftp://a\.example/' is not an http or https address"),
        (FOUR_LINES.replace("a.example", "u:p@a.example"), "may not contain a user name"),
        (FOUR_LINES + FOUR_LINES, "'a-b' is used twice"),
        (FOUR_LINES.replace('"A"', '"A'), r"sources\.toml is not valid TOML: .*line 3"),
        ("[sources]\n", "unknown table 'sources'; did you mean 'source'"),
        ("", r"has no \[\[source\]\]"),
        ("source = 3", r"has no \[\[source\]\]"),
        ("[politeness]\ndelay = 1\n" + FOUR_LINES, r"\[politeness\]: unknown key 'delay'"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as raised:
        load_catalogue(written(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_a_byte_order_mark_is_no_mistake_and_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FOUR_LINES.encode())
    assert len(load_catalogue(path)) == 1
    path.write_text(FOUR_LINES, encoding="utf-16")
    with pytest.raises(ConfigurationError, match=r"sources\.toml is not UTF-8 text"):
        load_catalogue(path)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml does not exist"):
        load_catalogue(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigurationError, match="holds no"):
        load_catalogue(tmp_path)


def test_an_unknown_id_is_answered_with_the_nearest(tmp_path: Path) -> None:
    sources = load_catalogue(written(tmp_path, FOUR_LINES))
    assert select_sources(sources, []) == sources
    with pytest.raises(ConfigurationError, match="no source 'a-c'; did you mean 'a-b'"):
        select_sources(sources, ["a-c"])


def test_a_printed_block_is_read_back_as_the_same_source(tmp_path: Path) -> None:
    source = Source(
        id="x", name='Say "A\\B"\t\U000e0041\x9b', homepage="https://a.example/", feeds=("https://a.example/f",),
        agency=True, delay_seconds=1.0, concurrency=2, honour_opt_out=(),
    )  # fmt: skip
    assert load_catalogue(written(tmp_path, source_block(source))) == (source,)


fragments = st.sampled_from(
    [
        *(
            "[[source]]\n",
            "[politeness]\n",
            'id = "a"\n',
            'id = "../x"\n',
            'name = "A\\u0000"\n',
            "delay_seconds = nan\n",
        ),
        *('homepage = "https://a.example/"\n', 'homepage = "https://[/"\n', 'feeds = ["file:///x"]\n', "feeds = 3\n"),
        *(
            'homepage = "http://a:x@b.example:99999/"\n',
            "max_pages = -1\n",
            "source = 3\n",
            '"" = 1\n',
            "concurrency = 1e400\n",
        ),
    ]
)


@given(body=st.binary(max_size=200) | st.lists(fragments, max_size=8).map(lambda parts: "".join(parts).encode()))
def test_whatever_stands_in_a_catalogue_it_is_sources_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(body)
    sentence = "any.toml"
    try:
        assert load_catalogue(path)
    except ConfigurationError as error:
        sentence = str(error)
    assert "any.toml" in sentence
    assert "\x00" not in sentence
