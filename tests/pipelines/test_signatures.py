"""Sketches: the same for the same text, small for any text, and made of what tells one story from another."""

from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import signatures
from pipelines.signatures import (
    SENTENCE_END,
    SIGNATURE_SCHEMA,
    SKETCH_VERSION,
    STEM_BITS,
    Signature,
    Unsigned,
    shingle_hashes,
    sign_all,
)
from pipelines.words import FIGURE, NAME
from tests.pipelines.made_up_news import article

SEEN_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

CHINESE = (
    "海湾城市的新港口周一正式启用，首批集装箱船凌晨抵达码头。市长在仪式上表示，这项工程历时七年，耗资三百二十亿元。"
    "港务局说，自动化起重机每小时可以装卸一百多个集装箱。附近的渔民担心航道变窄，要求政府重新评估潮汐和捕捞区。"
)
JAPANESE = (
    "山あいの町で月曜日、百年ぶりに架け替えられた木造の橋が開通した。式典には住民およそ四百人が集まり、太鼓の演奏で祝った。"
    "町長は、観光客が増えることを期待していると話した。工事は大雨のため二度中断し、予定より八か月遅れて完成した。"
)
THAI = (
    "ชาวประมงในหมู่บ้านริมทะเลพบวาฬขนาดใหญ่เกยตื้นเมื่อเช้าวันจันทร์ เจ้าหน้าที่ใช้เวลาหกชั่วโมงในการช่วยเหลือ "
    "สัตวแพทย์กล่าวว่าวาฬมีอาการอ่อนเพลียแต่ไม่มีบาดแผลรุนแรง ชาวบ้านกว่าสองร้อยคนช่วยกันราดน้ำจนกระทั่งน้ำขึ้น"
)


def unsigned(text: str) -> Unsigned:
    return Unsigned(
        appearance_id="a",
        source_id="news",
        agency=False,
        published_at=None,
        first_seen_at=SEEN_AT,
        language=None,
        text=text,
    )


def signed(text: str) -> Signature:
    return sign_all([unsigned(text)])[0]


def words(signature: Signature) -> np.ndarray:
    values = np.frombuffer(signature.sketch, dtype="<u2")[1:]
    return values[values != SENTENCE_END]


def test_signing_again_gives_the_same() -> None:
    text = "\n".join(article(1))
    assert signed(text) == signed(text)


def test_another_sketch_of_the_same_text_is_another_version() -> None:
    """Sketches are compared with stored ones: if this fails, raise SKETCH_VERSION and put the new digests here."""
    signature = signed("\n".join(article(7)))
    made = blake2b(signature.sketch + str(signature.keys).encode(), digest_size=8).hexdigest()
    words = blake2b(Path(signatures.__file__).with_name("common_words.toml").read_bytes(), digest_size=8).hexdigest()
    assert (SKETCH_VERSION, made, words) == (1, "f2bb6c449012d8f8", "b87c25d67c95da3d")


def test_a_signature_is_a_row_of_the_table() -> None:
    row = signed("\n".join(article(1))).row()
    table = pa.Table.from_pylist([row], schema=SIGNATURE_SCHEMA)
    assert list(row) == SIGNATURE_SCHEMA.names
    assert table.to_pylist() == [row]


def test_an_empty_text_has_no_keys() -> None:
    assert signed("").keys == ()
    assert signed(" \n\n ").keys == ()


def test_case_quotes_and_spaces_make_no_difference() -> None:
    plain = 'The minister said: "We have 3,200 boats off Varna" and left.'
    dressed = "The  minister said: “We have 3,200 boats off Varna” and left."
    assert signed(plain).keys == signed(dressed).keys
    assert signed(plain).sketch == signed(dressed).sketch


def test_keys_fit_in_40_bits_and_a_long_text_stays_small() -> None:
    signature = signed("\n".join(article(2, paragraphs=200)))
    assert all(0 <= key < 1 << 40 for key in signature.keys)
    assert len(signature.keys) <= 104
    assert len(signature.sketch) < 2_500


def test_a_long_text_keeps_the_words_that_a_part_of_it_keeps() -> None:
    paragraphs = article(3, paragraphs=120)
    whole, part = signed("\n".join(paragraphs)), signed("\n".join(paragraphs[:10]))
    limit = int(np.frombuffer(whole.sketch, dtype="<u2")[0])
    kept = {word for word in words(part).tolist() if word & ((1 << STEM_BITS) - 1) < limit}
    assert kept
    assert kept <= set(words(whole).tolist())


def test_names_and_figures_are_told_from_other_words() -> None:
    signature = signed("On Monday the harbour of Varna took 3200 tonnes; later Varna closed. The harbour said so.")
    kinds = (words(signature) >> STEM_BITS).tolist()
    assert kinds.count(FIGURE) == 1
    assert NAME in kinds


def test_lists_are_left_out_where_there_is_prose() -> None:
    prose = article(4)
    dates = [f"June {day} – Some Hall, Sometown" for day in range(1, 20)]
    assert signed("\n".join([*prose, *dates])).sketch == signed("\n".join(prose)).sketch
    assert signed("\n".join(dates)).keys  # a list alone is still a text


def test_a_heading_is_no_list() -> None:
    prose = article(5)
    assert (
        signed("\n".join([prose[0], "What Varnask Melkorin wants", *prose[1:]])).sketch
        != signed("\n".join(prose)).sketch
    )


@pytest.mark.parametrize("text", [CHINESE, JAPANESE, THAI], ids=["Chinese", "Japanese", "Thai"])
def test_scripts_without_spaces_have_words_too(text: str) -> None:
    signature = signed(text)
    assert signature.word_count > 60
    assert len(set(words(signature).tolist())) > 40


@pytest.mark.parametrize("text", ["नई दिल्ली में मंगलवार को बारिश हुई।", "القاهرة: أعلنت الحكومة خطة جديدة؟"])
def test_marks_stay_in_their_words(text: str) -> None:
    assert len(shingle_hashes(text)) < len(text) / 3


@given(st.text(max_size=400))
def test_any_text_can_be_signed_and_no_word_ends_a_sentence(text: str) -> None:
    signature = signed(text)
    values = np.frombuffer(signature.sketch, dtype="<u2")[1:]
    assert len(values) == 0 or values[-1] == SENTENCE_END
    assert not (np.diff(np.flatnonzero(values == SENTENCE_END), prepend=-1) == 1).any()


LONG = "\n".join(article(8, paragraphs=60))
_texts = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["", "Varna", "one two three", CHINESE, JAPANESE, THAI, LONG, "Varna. " * 40]),
    st.integers(0, 40).map(lambda seed: "\n".join(article(seed, paragraphs=1 + seed % 4))),
)


@given(st.lists(_texts, max_size=12))
def test_texts_signed_together_get_the_signatures_that_each_gets_alone(texts: list[str]) -> None:
    assert sign_all([unsigned(text) for text in texts]) == [signed(text) for text in texts]
