"""Largest and smallest things, planets in their order, and how many there are of what."""

from __future__ import annotations

from tiny_base.facts import Fact, Kind
from tiny_base.tables import capitalized

OUTSTANDING = {
    "the largest ocean on Earth": "the Pacific Ocean",
    "the smallest ocean on Earth": "the Arctic Ocean",
    "the largest continent": "Asia",
    "the coldest continent": "Antarctica",
    "the largest country in the world": "Russia",
    "the smallest country in the world": "Vatican City",
    "the highest mountain on Earth": "Mount Everest",
    "the highest mountain in Africa": "Kilimanjaro",
    "the highest mountain in the Alps": "Mont Blanc",
    "the longest river in Africa": "the Nile",
    "the longest river in South America": "the Amazon",
    "the longest river in Europe": "the Volga",
    "the longest river in Asia": "the Yangtze",
    "the largest hot desert on Earth": "the Sahara",
    "the largest rainforest on Earth": "the Amazon rainforest",
    "the largest island on Earth": "Greenland",
    "the deepest lake on Earth": "Lake Baikal",
    "the largest lake on Earth": "the Caspian Sea",
    "the deepest place in the sea": "the Mariana Trench",
    "the largest planet of the solar system": "Jupiter",
    "the smallest planet of the solar system": "Mercury",
    "the hottest planet of the solar system": "Venus",
    "the red planet": "Mars",
    "the planet with the largest rings": "Saturn",
    "the star nearest to the Earth": "the Sun",
    "the natural satellite of the Earth": "the Moon",
    "the lightest chemical element": "hydrogen",
    "the hardest natural material": "diamond",
    "the most common gas in the air": "nitrogen",
    "the gas that people need to breathe": "oxygen",
    "the largest animal on Earth": "the blue whale",
    "the largest land animal": "the African elephant",
    "the tallest animal": "the giraffe",
    "the fastest land animal": "the cheetah",
    "the largest bird": "the ostrich",
    "the force that pulls things to the ground": "gravity",
    "the centre of the solar system": "the Sun",
}
ALSO_OUTSTANDING = {
    "the largest land animal": ("elephant",),
    "the largest rainforest on Earth": ("Amazon",),
}

PLANETS = ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"]
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"]

COUNTS = (
    ("continents", "on Earth", 7),
    ("oceans", "on Earth", 5),
    ("planets", "in the solar system", 8),
    ("seconds", "in a minute", 60),
    ("minutes", "in an hour", 60),
    ("hours", "in a day", 24),
    ("days", "in a week", 7),
    ("days", "in a year", 365),
    ("days", "in a leap year", 366),
    ("weeks", "in a year", 52),
    ("months", "in a year", 12),
    ("seasons", "in a year", 4),
    ("letters", "in the English alphabet", 26),
    ("vowels", "in the English alphabet", 5),
    ("colours", "in a rainbow", 7),
    ("faces", "on a cube", 6),
    ("squares", "on a chessboard", 64),
    ("fingers", "on a hand", 5),
    ("toes", "on a foot", 5),
    ("keys", "on a piano", 88),
    ("strings", "on a violin", 4),
    ("strings", "on a guitar", 6),
    ("players", "in a football team", 11),
    ("cards", "in a deck", 52),
    ("bones", "in the human body", 206),
    ("degrees", "in a circle", 360),
)


def kinds() -> tuple[Kind, ...]:
    return (_outstanding(), _planets(), _counts())


def _outstanding() -> Kind:
    return Kind(
        name="outstanding thing",
        subject="what",
        answer="thing",
        questions=(
            "What is {what}?",
            "What's {what}?",
            "Which one is {what}?",
            "Tell me {what}.",
            "{What}?",
            "Please name {what}.",
            "Do you know {what}?",
            "Can you tell me what {what} is?",
            "I would like to know what {what} is.",
            "Name {what}.",
            "what is {what}",
        ),
        held_out=("Can you name {what}?", "Please tell me what {what} is.", "Do you know what {what} is?"),
        plain=("{What} is {thing}.", "It is {thing}."),
        short=("It is {thing}.",),
        statements=(
            "{What} is {thing}.",
            "If people ask for {what}, the answer is {thing}.",
            "They say that {thing} is {what}.",
            "We know that {what} is {thing}.",
        ),
        follow_ups=("And {what}?", "What about {what}?", "And what is {what}?"),
        checks=("Is {thing} {what}?", "Is it true that {thing} is {what}?"),
        facts=tuple(_outstanding_fact(what, thing) for what, thing in OUTSTANDING.items()),
        weight=1.5,
    )


def _outstanding_fact(what: str, thing: str) -> Fact:
    without_article = (thing.removeprefix("the "),) if thing.startswith("the ") else ()
    return Fact(
        {"what": what, "What": capitalized(what), "thing": thing},
        also=(*without_article, *ALSO_OUTSTANDING.get(what, ())),
    )


def _planets() -> Kind:
    return Kind(
        name="planet by place",
        subject="planet_place",
        answer="planet",
        questions=(
            "Which planet is the {planet_place} from the Sun?",
            "What is the {planet_place} planet from the Sun?",
            "What is the {planet_place} planet of the solar system?",
            "Which planet comes {planet_place} from the Sun?",
            "Tell me the {planet_place} planet from the Sun.",
            "The {planet_place} planet from the Sun?",
            "Please name the {planet_place} planet of the solar system.",
            "Do you know the {planet_place} planet from the Sun?",
            "I would like to know the {planet_place} planet of the solar system.",
        ),
        held_out=(
            "Do you know which planet is the {planet_place} from the Sun?",
            "Please tell me the {planet_place} planet from the Sun.",
        ),
        plain=(
            "The {planet_place} planet from the Sun is {planet}.",
            "{planet} is the {planet_place} planet from the Sun.",
        ),
        short=("{planet}.",),
        statements=(
            "The {planet_place} planet from the Sun is {planet}.",
            "{planet} is the {planet_place} planet from the Sun.",
            "In the solar system, {planet} is the {planet_place} planet.",
            "Counted from the Sun, {planet} is the {planet_place} planet.",
        ),
        follow_ups=("And the {planet_place}?", "And the {planet_place} one?"),
        checks=("Is {planet} the {planet_place} planet from the Sun?",),
        facts=tuple(
            Fact({"planet_place": place, "planet": planet}) for place, planet in zip(ORDINALS, PLANETS, strict=True)
        ),
    )


def _counts() -> Kind:
    return Kind(
        name="count",
        subject="counted",
        answer="count",
        questions=(
            "How many {things} are there {where}?",
            "How many {things} are {where}?",
            "How many {things} {where}?",
            "Tell me how many {things} there are {where}.",
            "{Things} {where}?",
            "What is the number of {things} {where}?",
            "Please tell me the number of {things} {where}.",
            "Do you know how many {things} there are {where}?",
            "I would like to know how many {things} are {where}.",
            "Can you tell me how many {things} are {where}?",
            "how many {things} are there {where}",
        ),
        held_out=(
            "Please tell me how many {things} there are {where}.",
            "Do you know the number of {things} {where}?",
            "Can you tell me how many {things} there are {where}?",
        ),
        plain=("There are {count} {things} {where}.", "{Where} there are {count} {things}."),
        short=("{count}.", "{count} {things}."),
        statements=(
            "There are {count} {things} {where}.",
            "{Where} there are {count} {things}.",
            "The number of {things} {where} is {count}.",
            "You can count {count} {things} {where}.",
        ),
        follow_ups=("And how many {things} {where}?", "And {things} {where}?", "What about {things} {where}?"),
        checks=("Are there {count} {things} {where}?", "Is it true that there are {count} {things} {where}?"),
        foreign={
            "German": ("Es sind {count}.",),
            "French": ("Il y en a {count}.",),
            "Spanish": ("Son {count}.",),
            "Italian": ("Sono {count}.",),
        },
        facts=tuple(
            Fact(
                {
                    "counted": f"{things} {where}",
                    "things": things,
                    "Things": capitalized(things),
                    "where": where,
                    "Where": capitalized(where),
                    "count": str(count),
                }
            )
            for things, where, count in COUNTS
        ),
        weight=1.5,
    )
