"""Made-up articles for tests of stories: words that no language has, so that two stories share nothing by chance."""

import random

_ONSETS = "b br d dr f g gl h k kl l m n p pr r s st t tr v"
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ou"]
_SMALL = ["the", "of", "and", "in", "to", "that", "was", "for", "with", "on", "has", "from"]


def article(seed: int, paragraphs: int = 10) -> list[str]:
    """The paragraphs of one article: three sentences each, with names that come back and figures."""
    rnd = random.Random(seed)
    people = [_word(rnd).capitalize() for _ in range(6)]
    subject = [_word(rnd) for _ in range(8)]
    return [" ".join(_sentence(rnd, people, subject) for _ in range(3)) for _ in range(paragraphs)]


def spin(paragraphs: list[str], seed: int, share: float = 0.4) -> list[str]:
    """The same with a share of its small-letter words exchanged, as a synonym machine does."""
    rnd = random.Random(seed)

    def exchange(word: str) -> str:
        plain = word.strip(".")
        is_content = plain.isalpha() and plain.islower() and plain not in _SMALL
        return word.replace(plain, _word(rnd)) if is_content and rnd.random() < share else word

    return [" ".join(exchange(word) for word in paragraph.split()) for paragraph in paragraphs]


def quake_report(place: str, seed: int) -> str:
    """A form with other figures in it every time."""
    rnd = random.Random(seed)
    return (
        f"A quake of magnitude {rnd.randrange(40, 80) / 10} shook the coast near {place} early on Thursday, the "
        f"seismic office said. It was felt up to {rnd.randrange(20, 400)} kilometres away, at a depth of "
        f"{rnd.randrange(5, 200)} kilometres.\nThe office counted {rnd.randrange(11, 90)} aftershocks within "
        f"{rnd.randrange(10, 70)} hours. Nobody was reported hurt, and the harbour wardens saw no reason to warn of a "
        f"wave.\nPeople left their houses and waited in the open until the fire brigade had inspected the gas mains. "
        f"{rnd.randrange(100, 900)} households were without current in the evening."
    )


def _sentence(rnd: random.Random, people: list[str], subject: list[str]) -> str:
    words = [_word(rnd).capitalize()]
    for _ in range(12):
        words += [rnd.choice(_SMALL), _word(rnd) if rnd.random() < 0.7 else rnd.choice(subject)]
    words[5] = rnd.choice(people)
    words[11] = rnd.choice(people)
    words[17] = str(rnd.randrange(13, 9000))
    return " ".join(words) + "."


def _word(rnd: random.Random) -> str:
    return "".join(rnd.choice(_ONSETS.split()) + rnd.choice(_VOWELS) for _ in range(3))
