"""How one text differs from another, word by word."""

import re
from difflib import SequenceMatcher

_CONTEXT_WORDS = 6
_EXACT_WORDS = 4000  # longer texts are compared with difflib's shortcut

Piece = tuple[str, str]  # "same", "gone", "new" or "gap", and the words


def word_difference(original: str, copy: str) -> list[Piece]:
    """How the copy differs, word by word; what both have in common is cut to a few words around each change."""
    ours, theirs = _words(original), _words(copy)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=max(len(ours), len(theirs)) > _EXACT_WORDS)
    pieces: list[Piece] = []
    for what, start, end, other_start, other_end in matcher.get_opcodes():
        if what == "equal":
            pieces += _shortened(ours[start:end], is_first=start == 0, is_last=end == len(ours))
            continue
        if end > start:
            pieces.append(("gone", " ".join(ours[start:end])))
        if other_end > other_start:
            pieces.append(("new", " ".join(theirs[other_start:other_end])))
    return pieces


def _words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


def _shortened(words: list[str], *, is_first: bool, is_last: bool) -> list[Piece]:
    kept = _CONTEXT_WORDS * (1 if is_first or is_last else 2)
    if len(words) <= kept + 2:
        return [("same", " ".join(words))] if words else []
    head = [] if is_first else words[:_CONTEXT_WORDS]
    tail = [] if is_last else words[-_CONTEXT_WORDS:]
    left_out = len(words) - len(head) - len(tail)
    pieces = [("same", " ".join(head)), ("gap", f"… {left_out} words …"), ("same", " ".join(tail))]
    return [piece for piece in pieces if piece[1]]
