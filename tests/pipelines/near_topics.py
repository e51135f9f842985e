"""Texts that newspapers print by the dozen and that are no copies: forms, lists, boilerplate and reports of one event.

Each kind gives texts of different stories; what two of them share is what such texts do share: the form and its
sentences, the list, the source's own paragraphs, the names and terms of the event.
"""

import random
from collections.abc import Callable


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


_TOWNS = _listed(
    "Harwick, Bellmoor, Ostrand, Kilvane, Tarnley, Westholm, Dunmere, Ashgrove, Norbury, Caldwell, Fenwick, Marlow, "
    "Selby, Thorpe, Wexcombe, Langdale, Ravensea, Holmfirth, Eastmark, Stroudley, Pennick, Garth, Oakhurst, Lindow, "
    "Castlebar"
)
_FIRST_NAMES = _listed(
    "Amara, Jonas, Priya, Lucia, Tomasz, Hannah, Marcus, Yuki, Elena, David, Sofia, Karim, Grace, Peter, Ines, "
    "Omar, Ruth"
)
_LAST_NAMES = _listed(
    "Bellini, Whitcombe, Raman, Ferrant, Zielin, Oyelaran, Thorne, Tanabe, Petrova, Okafor, Lindqvist, Haddad, "
    "Mulligan, Novak, Carvalho, Farouk, Abernathy, Hansen, Nazari, Boateng, Weiss, Fuentes, Keane, Sokolov, Brandt, "
    "Ito, Marchetti"
)
_NAMES = [f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES]
_TEAMS = [f"{town} {kind}" for town in _TOWNS for kind in ("United", "Rovers", "Athletic")]
_FIRMS = _listed(
    "Corvane Energy, Halden Bank, Brightwell Foods, Northgate Steel, Lumen Mobile, Sable Motors, Arctos Mining, "
    "Pelican Air"
)
_FILMS = _listed(
    "The Salt Road, Paper Kings, Winter Harbour, Ninth Avenue, A Quiet Tide, The Cartographer, Glass Orchard, Small "
    "Hours"
)
_SUBJECTS = _listed("council, school, museum, bridge, harvest, library, clinic, theatre, factory, reservoir, festival")
_DOINGS = _listed(
    "plans to close, will rebuild, has bought, wants to move, is suing over, cannot pay for, has discovered, will "
    "inspect, refuses to sell, has renamed, apologised for, celebrates"
)
_THINGS = _listed(
    "its oldest building, a stretch of river bank, forty paintings, the northern wing, a rare colony of bats, two "
    "years of accounts, the heating of the main hall, a donated telescope, an orchard of pear trees, its summer "
    "programme"
)


def weather(number: int) -> str:
    rnd = random.Random(f"weather {number}")
    town, low = rnd.choice(_TOWNS), rnd.randrange(-8, 18)
    sky = rnd.choice(["mostly cloudy with sunny spells", "grey and damp", "bright at first, with showers later", "dry"])
    wind = rnd.choice(["south-westerly", "northerly", "light easterly", "brisk westerly"])
    return (
        f"The weather in {town} will be {sky} on {rnd.choice(['Monday', 'Tuesday', 'Friday', 'Sunday'])}, forecasters "
        f"said. Temperatures will reach {low + rnd.randrange(4, 12)} degrees in the afternoon and fall to {low} "
        "degrees "
        f"overnight.\nA {wind} wind of up to {rnd.randrange(10, 70)} kilometres an hour is expected along the coast. "
        f"The chance of rain is {rnd.randrange(5, 95)} per cent.\nSunrise is at {rnd.randrange(4, 8)}:"
        f"{rnd.randrange(10, 59)} and sunset at {rnd.randrange(16, 22)}:{rnd.randrange(10, 59)}. The outlook for the "
        "rest of the week remains changeable, with the risk of frost in sheltered valleys. Drivers are advised to take "
        "care on untreated roads, and to check the latest warnings before setting out."
    )


def markets(number: int) -> str:
    rnd = random.Random(f"markets {number}")
    up, rose, fell = rnd.choice(["higher", "lower"]), *rnd.sample(_FIRMS, 2)
    return (
        f"Shares closed {up} on {rnd.choice(['Monday', 'Tuesday', 'Wednesday', 'Thursday'])} as investors weighed the "
        f"latest figures on inflation. The benchmark index ended the session at {rnd.randrange(6000, 9000)}."
        f"{rnd.randrange(10, 99)} points, a move of {rnd.randrange(1, 30) / 10} per cent.\n{rose} was the biggest "
        f"gainer, adding {rnd.randrange(20, 90) / 10} per cent after it raised its forecast for the year. {fell} lost "
        f"{rnd.randrange(20, 90) / 10} per cent.\nThe yield on ten-year government bonds stood at "
        f"{rnd.randrange(200, 500) / 100} per cent. Oil traded at {rnd.randrange(60, 110)}.{rnd.randrange(10, 99)} "
        f"dollars a barrel and gold at {rnd.randrange(1800, 2900)} dollars an ounce. Traders said volumes were thin "
        "ahead of the central bank's decision on interest rates, which is due later this week."
    )


def match_report(number: int) -> str:
    rnd = random.Random(f"match {number}")
    home, away = rnd.sample(_TEAMS, 2)
    scorer, other, coach = rnd.sample(_NAMES, 3)
    goals = rnd.randrange(1, 5)
    return (
        f"{home} beat {away} {goals}-{rnd.randrange(0, goals)} on Saturday to move up to {rnd.randrange(2, 18)}th in "
        f"the table. {scorer} opened the scoring in the {rnd.randrange(3, 44)}th minute with a low shot from the edge "
        f"of the area.\n{other} doubled the lead after {rnd.randrange(46, 80)} minutes when the goalkeeper failed to "
        f"hold a cross.\nThe visitors had {rnd.randrange(30, 60)} per cent of possession but managed only "
        f"{rnd.randrange(1, 7)} shots on target in front of a crowd of {rnd.randrange(3000, 60000)}.\n"
        f'"We deserved the three points," said coach {coach}. "The lads worked hard and kept their shape." {away} have '
        f"now lost {rnd.randrange(2, 7)} of their last {rnd.randrange(8, 12)} matches and travel to "
        f"{rnd.choice(_TEAMS)} "
        "next weekend, while the winners stay at home for the visit of the league leaders."
    )


def nominees(number: int) -> str:
    """Reports of one award: the list is the same in each, what is written around it is not."""
    rnd = random.Random("the list of nominees")
    listed = [
        f"Best {role}\n"
        + "\n".join(f"{name} – {film}" for name, film in zip(rnd.sample(_NAMES, 5), films, strict=True))
        for role in ("Actress", "Actor", "Director", "Screenplay", "Supporting Actor")
        for films in [rnd.sample(_FILMS, 5)]
    ]
    return "\n".join([*_own_paragraphs(f"nominees {number}", 4), "The nominees in full:", *listed])


def tour_dates(number: int) -> str:
    """Reports of one tour: the dates are the same in each."""
    rnd = random.Random("the dates of the tour")
    dates = [f"{day} {month} – {rnd.choice(_TOWNS)} Arena" for month in ("May", "June") for day in range(1, 30, 2)]
    return "\n".join([*_own_paragraphs(f"tour {number}", 4), *dates])


def results(number: int) -> str:
    rnd = random.Random(f"results {number}")
    played = rnd.sample(_TEAMS, 16)
    lines = [
        f"{one} {rnd.randrange(5)}, {two} {rnd.randrange(5)}"
        for one, two in zip(played[::2], played[1::2], strict=True)
    ]
    return "\n".join(["Results of the matches played in the second division on Saturday:", *lines])


def with_boilerplate(number: int) -> str:
    """Articles of one site that each end with its own paragraphs on itself."""
    return "\n".join(
        [
            *_own_paragraphs(f"boilerplate {number}", 3),
            "The Harwick Courier has been reporting from the county for more than a century. Our reporters live in the "
            "towns they write of, and our newsroom is owned by its readers.",
            "If you have a story that you think we should hear about, write to our news desk at any time of the day. "
            "Letters to the editor must carry the full name and address of the writer and may be shortened.",
            "Copies of photographs taken by our staff can be ordered from the front office in Market Street, which is "
            "open on weekdays between nine and five. All content is protected by copyright law.",
        ]
    )


def live_blog(number: int) -> str:
    """Live pages of one day: the frame and the background are the same, the entries are not."""
    rnd = random.Random(f"live {number}")
    entries = [
        f"{hour}:{rnd.randrange(10, 59)}\n{_own_paragraphs(f'live {number} {hour}', 1)[0]}" for hour in range(8, 16)
    ]
    return "\n".join(
        [
            "Good morning and welcome to our live coverage of the day's events. Follow all developments here.",
            *entries,
            "That is all from us for today. Thank you for reading, and join us again tomorrow from seven.",
        ]
    )


def obituary(number: int) -> str:
    rnd = random.Random(f"obituary {number}")
    name, town, born = rnd.choice(_NAMES), rnd.choice(_TOWNS), rnd.randrange(1926, 1960)
    trade, place = rnd.choice(["a teacher", "a surgeon", "a painter", "an engineer", "an organist"]), rnd.choice(_TOWNS)
    return (
        f"{name}, {trade}, who worked in {place} for more than {rnd.randrange(20, 45)} years, has died at the age of "
        f"{2026 - born}. The family said that {name.split()[0]} died peacefully at home on Sunday.\nBorn in {town} in "
        f"{born}, {name.split()[1]} was the {rnd.choice(['eldest', 'youngest'])} of {rnd.randrange(3, 9)} children and "
        f"left school at {rnd.randrange(14, 18)}.\n{name.split()[1]} married {rnd.choice(_NAMES)} in "
        f"{born + rnd.randrange(20, 35)}; the couple had {rnd.randrange(2, 6)} children.\nColleagues remembered a "
        "patient and generous friend with a dry sense of humour. A memorial service will be held at the parish church, "
        "and the family asks for donations to the hospice instead of flowers."
    )


def court_report(number: int) -> str:
    rnd = random.Random(f"court {number}")
    name, age, town = rnd.choice(_NAMES), rnd.randrange(19, 70), rnd.choice(_TOWNS)
    crime = rnd.choice(["burglary", "dangerous driving", "fraud", "assault", "theft from a shop"])
    return (
        f"A {age}-year-old man from {town} has been jailed for {rnd.randrange(6, 90)} months after he admitted "
        f"{crime}. "
        f"{name} was arrested on {rnd.randrange(1, 29)} March, the court was told.\nThe prosecution said that the "
        f"defendant had {rnd.randrange(2, 30)} previous convictions. The judge said that the offence was so serious "
        "that "
        "only an immediate custodial sentence could be justified.\nIn mitigation it was said that the defendant was "
        f"remorseful and had lost his job. He was also ordered to pay {rnd.randrange(100, 5000)} pounds in "
        "compensation. "
        "A spokesman for the police welcomed the sentence and asked anybody with information on similar offences to "
        "come forward."
    )


ONE_EVENT = (
    "Dock workers in Ravensea walked out on Tuesday after talks on pay with the port authority broke down. Union "
    "leader "
    "Hannah Oyelaran told a rally at the harbour gates that members would stay out until the authority put a better "
    "offer on the table.\nAbout 1,400 workers are taking part. Three container ships were waiting outside the port by "
    "noon, and the ferry company Pelican cancelled its evening sailings.\nMayor Peter Novak called on both sides to "
    "return to the talks. A strike in the run-up to the holidays would hurt the whole town, he said.",
    "The port of Ravensea is asking a court to stop the dock workers' strike, its lawyers said on Wednesday. The "
    "authority argues that the union did not give the notice that the law asks for.\nHannah Oyelaran, who leads the "
    "union, called the move an attempt to frighten members. She said that support for the strike was growing among "
    "lorry drivers.\nJudge Ruth Abernathy will hear the case on Friday. Until then the cranes stand still, and "
    "exporters reckon that each day costs them two million.",
    "Ravensea's dock workers went back to their cranes on Saturday. The union and the port authority agreed on a rise "
    "over two years and on fewer night shifts, ending a strike that had closed the port for five days.\nUnion leader "
    "Hannah Oyelaran spoke of a fair result. The authority said that it would withdraw its case before Judge Ruth "
    "Abernathy.\nPelican's ferries sail again from tomorrow. Mayor Peter Novak thanked both sides and said that the "
    "town could breathe again before the holidays.",
    "Shops in Ravensea are running short of fruit as the strike at the port goes into its fourth day. The market hall "
    "was half empty on Friday morning, and traders were paying twice as much for oranges as they did a week before.\n"
    "The dock workers' union, led by Hannah Oyelaran, has promised to let medicine through. The port authority wants a "
    "judge to order the workers back.\nClara Weiss, who has kept a stall for thirty years, has no quarrel with the "
    "strikers. She said that somebody had to pay for those night shifts.",
)


# Two newsrooms' notes on one accident.
NOTES = (
    "The ferry Pelican ran aground off Ravensea on Tuesday with 320 passengers on board. Lifeboats from Selby and "
    "Harwick brought everybody ashore before midnight, the coastguard said. Captain Marcus Whitcombe told Harbour "
    "Radio that the rudder had jammed. The ferry is owned by Arctos and was built in 1987. Sailings to the islands "
    "are cancelled until Friday, when divers will look at the hull.",
    "Lifeboats from Harwick and Selby have brought 320 passengers ashore from the ferry Pelican. The coastguard said "
    "that everybody was safe before midnight. On Tuesday the ferry had run aground off Ravensea: its rudder had "
    "jammed, Captain Marcus Whitcombe told Harbour Radio. Arctos owns the ferry, which was built in 1987. Divers will "
    "look at the hull on Friday, and until then there are no sailings to the islands.",
)


def one_event(number: int) -> str:
    return ONE_EVENT[number % len(ONE_EVENT)]


KINDS: dict[str, tuple[Callable[[int], str], int]] = {
    "awards with one list": (nominees, 12),
    "reports of one tour": (tour_dates, 12),
    "match reports": (match_report, 60),
    "results": (results, 40),
    "weather": (weather, 80),
    "markets": (markets, 60),
    "a site's boilerplate": (with_boilerplate, 30),
    "live pages": (live_blog, 12),
    "obituaries": (obituary, 60),
    "court reports": (court_report, 60),
    "reports of one event": (one_event, len(ONE_EVENT)),
}


def _own_paragraphs(seed: str, count: int) -> list[str]:
    """Paragraphs of which no two articles have the same ones by chance."""
    rnd = random.Random(seed)
    paragraphs = []
    for _ in range(count):
        town, subject, name = rnd.choice(_TOWNS), rnd.choice(_SUBJECTS), rnd.choice(_NAMES)
        doing, thing, other = rnd.choice(_DOINGS), *rnd.sample(_THINGS, 2)
        paragraphs.append(
            f"The {subject} of {town} {doing} {thing}, {name} told residents who had asked about {other}. "
            f"{rnd.choice(_NAMES)} of the {rnd.choice(_SUBJECTS)} in {rnd.choice(_TOWNS)} {rnd.choice(_DOINGS)} "
            f"{rnd.choice(_THINGS)}, which cost {rnd.randrange(1000, 90000)}, after {rnd.randrange(2, 40)} complaints."
        )
    return paragraphs
