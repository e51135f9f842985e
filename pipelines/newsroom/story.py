"""How a copy of a story differs from its article."""

from functools import partial

from pipelines.capture import read_page
from pipelines.errors import InputError
from pipelines.model import CaptureRef, Dropped, RawPage
from pipelines.newsroom.looking import open_lookers
from pipelines.readers import Piece, find_story
from pipelines.store import Store
from pipelines.template import Template, load_template


def compare_copy(store: Store, story_id: str, appearance_id: str) -> list[Piece]:
    """The copy's words against the article's, made anew from its capture.

    Raises InputError if there is no such copy or no text of it any longer, StorageError, BusyError.
    """
    story = find_story(store, story_id)
    row = next((one.row for one in story.appearances if one.appearance_id == appearance_id), None)
    if row is None or story.article is None:
        raise InputError(f"The story {story_id} has no copy {appearance_id}.")
    ref = CaptureRef(key=row["capture_key"], offset=row["capture_offset"], payload_sha256=row["payload_sha256"])
    page = read_page(store, ref)
    template = load_template(store, str(row["source_id"]))
    with open_lookers() as workers:
        found = workers.look(page, partial(compare, original=str(story.article["text"]), template=template))
    if isinstance(found, Dropped):
        raise InputError(f"The copy's page gives no text any longer: {found.reason.value.replace('_', ' ')}.")
    return found


def compare(page: RawPage, original: str, template: Template) -> list[Piece] | Dropped:
    """Runs in a worker."""
    from pipelines.pages import draft, finish
    from pipelines.readers import word_difference

    made = finish(draft(page), template)
    return made if isinstance(made, Dropped) else word_difference(original, made.page.text)
