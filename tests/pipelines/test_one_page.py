"""Pages that are finished and signed together: what befalls one of them befalls it alone."""

from collections.abc import Sequence

import pytest

from pipelines.model import Dropped, DropReason
from pipelines.pages import Sighting, StagedRow, draft_staged, finish_rows, one_page, sighting
from pipelines.signatures import Signature, Unsigned, sign_all
from pipelines.template import Template
from tests.pipelines.test_workers import small_page


def rows(count: int) -> list[StagedRow]:
    staged = [draft_staged(small_page(number)) for number in range(count)]
    return [StagedRow(page.reason, page.value) for page in staged]


def signature_of(made: Sighting | Dropped) -> Signature | None:
    assert isinstance(made, Sighting)
    return made.signature


def test_each_page_gets_the_signature_of_its_own_text() -> None:
    together = [signature_of(made) for made in finish_rows(rows(3), Template())]
    alone = [signature_of(made) for row in rows(3) for made in finish_rows([row], Template())]
    assert together == alone
    assert len({signature.appearance_id for signature in together if signature is not None}) == 3


def test_a_text_that_cannot_be_signed_costs_only_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = signature_of(finish_rows(rows(6), Template())[4])
    assert hostile is not None

    def sign_but_one(texts: Sequence[Unsigned]) -> list[Signature]:
        if any(text.appearance_id == hostile.appearance_id for text in texts):
            raise ValueError("what nobody thought of")
        return sign_all(texts)

    for module in (one_page, sighting):
        monkeypatch.setattr(module, "sign_all", sign_but_one)
    made = finish_rows(rows(6), Template())
    assert [one.reason if isinstance(one, Dropped) else None for one in made] == [None] * 4 + [DropReason.ERROR, None]
    assert all(isinstance(one, Dropped) or one.signature is not None for one in made)
