"""Small tools for tables of wordings, and the names that fill them."""

from __future__ import annotations

import random
import re
from itertools import product

Message = dict[str, str]
"""`role` and `content`."""


def alternatives(text: str) -> tuple[str, ...]:
    """The wordings of a table, which stand between bars; line breaks and indents count as one space."""
    return tuple(" ".join(wording.split()) for wording in text.split("|"))


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def capitalized(text: str) -> str:
    """The text as it stands at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def user(content: str) -> Message:
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}


def system(content: str) -> Message:
    return {"role": "system", "content": content}


def loosely(rng: random.Random, text: str, *, spelling: bool = True) -> str:
    """The text as people type it: half the time as it is, else in small letters, without its mark, contracted and so on.

    Of a template, the fields stay as they are. Without `spelling`, no word is misspelt: an answer may have to copy it.
    """
    if rng.random() < 0.5:
        return text
    if spelling and rng.random() < 0.08:
        text = misspelt(rng, text)
    for change in rng.choices(_CHANGES, _CHANGE_WEIGHTS, k=rng.choice((1, 1, 1, 2))):
        text = change(rng, text)
    return text


def misspelt(rng: random.Random, text: str) -> str:
    """The text with one letter of a longer word swapped with the next, dropped or doubled; never the first letter."""
    places = [match.span() for match in re.finditer(r"(?<![{\w])[^\W\d_]{4,}(?![}\w])", text)]
    if not places:
        return text
    start, end = rng.choice(places)
    at = rng.randrange(start + 1, end - 1)
    letters = rng.choice((text[at + 1] + text[at], text[at + 1], text[at] + text[at : at + 2]))
    return text[:at] + letters + text[at + 2 :]


def contracted(text: str) -> str:
    """ "What is" as "What's", "do not" as "don't" and the like."""
    text = re.sub(r"\b(what|where|who|how|it|that|there) is (?!it\b)(?=[\w{])", r"\1's ", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(do|does|did|is|are|was|could|should|would|have|has) not\b", r"\1n't", text, flags=re.IGNORECASE)
    text = re.sub(r"\bcannot\b", "can't", text)
    text = re.sub(r"\bI am (?=[\w{])", "I'm ", text)
    text = re.sub(r"\bI would (?=\w)", "I'd ", text)
    text = re.sub(r"\b([Yy])ou are (?=\w)", r"\1ou're ", text)
    return re.sub(r"\b([Ll])et us\b", r"\1et's", text)


def plainly(text: str) -> str:
    """What `loosely` leaves of the text, but for typos: two texts that it can make alike are alike here."""
    text = " ".join(contracted(text).lower().replace("'", "").split())
    text = re.sub(rf"^({'|'.join(_HAILS)}),? ", "", text.strip(" .,:?!"))
    return re.sub(rf",? ({'|'.join(_PLEASES)})$", "", text).strip(" .,:?!")


def _without_mark(rng: random.Random, text: str) -> str:
    return text.rstrip(".?!") or text


def _in_small_letters(rng: random.Random, text: str) -> str:
    return text.lower()


def _small_without_mark(rng: random.Random, text: str) -> str:
    return _without_mark(rng, text).lower()


def _in_capitals(rng: random.Random, text: str) -> str:
    return text if "{" in text else text.upper()


def _with_marks(rng: random.Random, text: str) -> str:
    """Two or three marks for one, or a blank before it."""
    mark = text[-1:] if text[-1:] in {".", "?", "!"} else "?"
    return text.rstrip(".?!") + rng.choice((mark * 2, mark * 3, f" {mark}", "...", "?!" if mark == "?" else mark * 2))


def _contracted(rng: random.Random, text: str) -> str:
    return contracted(text)


def _without_apostrophe(rng: random.Random, text: str) -> str:
    """ "whats" for "What is"; the apostrophe of a name goes as well."""
    return _in_small_letters(rng, contracted(text).replace("'", ""))


def _with_blanks(rng: random.Random, text: str) -> str:
    """A blank doubled, or one at the beginning or the end."""
    blanks = [place for place, sign in enumerate(text) if sign == " "]
    at = rng.choice((0, len(text), *blanks, *blanks))
    return f"{text[:at]} {text[at:]}"


def _with_please(rng: random.Random, text: str) -> str:
    """Such a word behind a question."""
    return f"{text.rstrip('.?!')} {rng.choice(_PLEASES)}" if text.endswith("?") else text


def _with_hail(rng: random.Random, text: str) -> str:
    """Such a word before a question in small letters."""
    return f"{rng.choice(_HAILS)} {_small_without_mark(rng, text)}" if text.endswith("?") else text


_PLEASES = ("pls", "plz", "please", "thx")
_HAILS = ("hey", "hi", "ok", "so", "and", "um", "yo")
_CHANGES, _CHANGE_WEIGHTS = zip(
    *(
        (_without_mark, 6),
        (_in_small_letters, 4),
        (_small_without_mark, 6),
        (_in_capitals, 1),
        (_with_marks, 1.5),
        (_contracted, 3),
        (_without_apostrophe, 1.5),
        (_with_blanks, 1),
        (_with_please, 1),
        (_with_hail, 1),
    ),
    strict=True,
)


FIRST_NAMES = words(
    """
    Aaron Abel Abena Ada Adam Adela Agnes Ahmed Aiko Aisha Akira Alan Alba Albert Alex Alexander Alfred Ali Alice Alma Amara
    Amelia Amina Amir Amy Ana Anders Andrea Andrew Andy Angela Anita Anja Ann Anna Anne Annie Anthony Anton Aroha Arthur Asha
    Ashley Astrid Audrey Aya Ayse Bao Barbara Basil Beatrice Ben Benjamin Bernard Beth Betty Bianca Bilal Bill Billy Bo Bob
    Boris Brenda Brian Bruno Cameron Carla Carlos Carmen Carol Caroline Catherine Cecilia Chad Chen Chidi Chloe Chris Christine
    Christopher Claire Clara Claudia Colin Connor Cora Dalia Dan Daniel Daria Dario Dave David Dean Deborah Dennis Diana Diego
    Dina Dmitri Donald Donna Dora Doris Dorothy Doug Dylan Edgar Edith Edward Edwin Eileen Elaine Elena Eli Elif Elijah
    Elizabeth Ella Ellen Elsa Emil Emily Emma Enzo Eric Erik Erin Ernest Esther Ethan Eva Evan Eve Evelyn Farid Fatima Felix
    Femi Finn Fiona Flora Florian Frances Frank Franz Fred Freya Gabriel Gary George Gerald Gina Gita Giulia Gloria Gordon Grace
    Graham Greg Greta Gustav Hana Hanna Hannah Hans Harold Harry Hassan Heather Heidi Heinz Helen Helga Henry Hugo Ian Ida Igor
    Imani Ines Ingrid Irene Iris Isaac Isabel Isla Ivan Ivy Jack Jackie Jacob Jakob James Jan Jana Jane Janet Jason Jasmin
    Jasper Jean Jeff Jenny Jeremy Jerry Jessica Jill Jim Jin Joan Joanna Joe Joel Johan John Jonas Jonathan Jordan Jorge Jose
    Joseph Joshua Joyce Juan Judith Judy Julia Julian Julie Jun Kai Kamal Karen Karin Karl Kate Katie Keith Ken Kenji Kerem
    Kevin Khalid Kim Kofi Kurt Kwame Kyle Laila Lars Laura Lauren Layla Lea Lee Leila Leo Leon Leonard Lewis Li Liam Lila Lily
    Lina Linda Linh Lisa Liv Logan Lois Lola Lorenzo Louis Louise Lucas Lucia Lucy Luigi Luis Luke Luna Lydia Magnus Maja Malik
    Marco Margaret Maria Marie Mario Marion Mark Marta Martha Martin Marvin Mary Mason Mateo Matt Matthew Maya Megan Mehmet Mei
    Melanie Mia Michael Michelle Miguel Mike Mila Milan Mina Mira Miriam Mohammed Mona Monica Moritz Nadia Nancy Naomi Nasir
    Natalie Nathan Neil Nia Nicholas Nick Nico Nicole Nils Nina Noah Noel Noor Nora Norman Odin Olga Olive Oliver Olivia Omar
    Oscar Otto Owen Pablo Pamela Patricia Patrick Paul Paula Pedro Penny Pete Peter Petra Phil Pia Pierre Priya Quinn Rachel
    Rafael Rahul Ralph Ravi Ray Raymond Rebecca Richard Rick Rita Rob Robert Robin Roger Ron Rosa Rose Roy Ruby Ruth Ryan Sakura
    Sally Sam Sami Samuel Sandra Sara Sarah Scott Sean Sebastian Selma Sergei Shirley Simon Simone Sofia Sonja Sophie Soren
    Stanley Stella Stephen Steve Stuart Sue Sunil Susan Sylvia Tamar Tara Tariq Ted Teresa Thomas Tim Tina Tom Tommy Tony Tracy
    Ugo Uma Ursula Valentina Vera Veronica Victor Victoria Viktor Vincent Walter Wanda Wayne Wei Wendy Will William Xenia Yara
    Yasmin Yuki Yusuf Yvonne Zara Zoe
    """
)

HELD_OUT_NAMES = words(
    """
    Abigail Adrian Alina Amanda Anouk Ariel Benedict Bettina Bridget Cedric Chiara Clemens Conrad Damian Dagmar Desmond Dominic
    Eleanor Elias Elvira Ewan Fabian Felicity Ferdinand Floyd Geoffrey Gideon Gunnar Harriet Hector Hilda Ignacio Imogen Ivana
    Joaquin Jolanda Katja Kirsten Lavinia Leandro Lothar Mabel Malcolm Margit Maurice Mirella Nadine Nigel Ophelia Orlando
    Pascal
    Philippa Ramona Roderick Rosalind Rupert Sabine Silvio Tabea Theodor Tobias Ulrike Verena Wilma Yannick Zelda
    """
)
"""Names that are never said in the text: whether a name was copied, and not called to mind, is measured with them."""

DOG_NAMES = words(
    """
    Bella Benji Biscuit Bonzo Buddy Buster Charlie Coco Cookie Daisy Fido Fluffy Ginger Honey Lassie Lucky Max Milo
    Molly Pepper Poppy Rex Rocky Rover Rusty Scout Shadow Snoopy Socks Spot Sunny Teddy Toby Waldo
    """
)

SYLLABLES = words("bel cor dro fen gal hol jar kel lum mir nef pel quo rath sel tav thur vex wex yol zan zor brim")


MADE_UP_NAMES = tuple(
    (one + other + "aoy"[place % 3]).capitalize() for place, (one, other) in enumerate(product(SYLLABLES, SYLLABLES))
)
"""Names that nobody has: the only way to say one is to copy it."""

CAT_NAMES = words(
    "Felina Kitty Mittens Mimi Mogli Muffin Patches Smokey Snowball Tiger Tigger Tom-Tom Whiskers Minka Pumpkin Boots"
)


def invented(rng: random.Random, endings: tuple[str, ...]) -> str:
    """A name that means nothing: two syllables and one of the endings. It starts with a consonant, to stand behind "a"."""
    return (rng.choice(SYLLABLES) + rng.choice(SYLLABLES) + rng.choice(endings)).capitalize()
