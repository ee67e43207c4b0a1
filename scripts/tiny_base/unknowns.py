"""Questions without an answer: names that mean nothing, things that the world of the model does not hold, large numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tiny_base.exchanges import UNKNOWABLE, Exchange, make_exchange
from tiny_base.wording import Message, alternatives, assistant, invented, loosely, user


@dataclass(frozen=True)
class Invented:
    """Questions about a {name} that means nothing."""

    endings: tuple[str, ...]
    exchange: Exchange
    is_name: bool = True
    """Whether it is written with a capital letter."""


INVENTED = (
    Invented(
        alternatives("ia | ania | mark | stan | land | ova | oria | avia"),
        make_exchange(
            """What is the capital of {name}? | Where is {name}? | What language do they speak in {name}?
            | Tell me the capital of {name}. | What is the currency of {name}? | Which currency is used in {name}?
            | On which continent is {name}? | Which city is the capital of {name}? | Name the capital of {name}.
            | What do you know about the country {name}? | Do you know the capital of {name}?
            | Which language is spoken in {name}?""",
            "Which city governs {name}? | What do people speak in {name}? | Where does {name} lie?",
            "I do not know a country called {name}. | I do not know {name}. | I know no country called {name}.",
        ),
    ),
    Invented(
        alternatives("ium | onium | inium | ogen | ine"),
        make_exchange(
            """What is the symbol of {name}? | What is the chemical symbol of {name}? | Which symbol does {name} have?
            | What is the atomic number of {name}? | Tell me the symbol of the element {name}. | Is {name} a metal?
            | How heavy is {name}? | What do you know about the element {name}? | Which atomic number does {name} have?
            | Name the symbol for {name}.""",
            "What is the symbol for the element {name}? | Do you know the symbol of {name}?",
            "I do not know an element called {name}. | I do not know {name}. | I know no element called {name}.",
        ),
    ),
    Invented(
        alternatives("ok | upi | ant | ip | oo | imp"),
        make_exchange(
            """How many legs does a {name} have? | What sound does a {name} make? | What does a {name} eat?
            | Where does a {name} live? | What colour is a {name}? | Can a {name} fly? | Is a {name} a bird?
            | What is a baby {name} called? | What kind of animal is a {name}? | Tell me about the animal {name}.
            | How big is a {name}?""",
            "What do you know about the animal {name}? | Which sound does a {name} make?",
            "I do not know an animal called {name}. | I do not know what a {name} is. | I know no animal called {name}.",
        ),
        is_name=False,
    ),
    Invented(
        alternatives("er | sky | son | ini | etti"),
        make_exchange(
            """Who is Doctor {name}? | Who was {name}? | Have you heard of Mister {name}? | What did Professor {name} write?
            | When was {name} born? | Who is {name}? | Do you know Mrs {name}? | Tell me about Professor {name}.
            | Where does Mister {name} live? | What is {name} known for?""",
            "Do you know who {name} is? | Who is Professor {name}?",
            "I do not know anyone called {name}. | I do not know {name}. | I know nobody called {name}.",
        ),
    ),
    Invented(
        alternatives("et | ole | ig | ump | oodle | ick"),
        make_exchange(
            """What is a {name}? | What does {name} mean? | What is the meaning of {name}? | Define {name}.
            | Explain the word {name}.
            | What is a {name} used for? | What are {name}s? | Tell me about the {name}. | meaning of {name}
            | Do you know what a {name} is?
            | What is the opposite of {name}? | What is the plural of {name}? | {name}? | What is {name}?
            | Tell me what {name} means.""",
            "What is meant by {name}? | Explain what a {name} is.",
            "I do not know the word {name}. | I do not know the word {name}. | I do not know what {name} means.",
        ),
        is_name=False,
    ),
)


@dataclass(frozen=True)
class Outside:
    """Things that everyone knows and the world of the model does not hold, each asked about in fitting and unfitting ways."""

    things: tuple[str, ...]
    held_out: tuple[str, ...]
    """Things that are never asked about in training."""
    exchanges: tuple[Exchange, ...]


_OF_A_COUNTRY = """What is the capital of {thing}? | What's {thing}'s capital? | capital of {thing}
| Which city is the capital of {thing}?
    | Tell me the capital of {thing}. | What is the currency of {thing}? | currency of {thing}
    | Which currency is used in {thing}?
    | Which language is spoken in {thing}? | What is the language of {thing}? | Name the capital of {thing}.
    | Do you know the capital of {thing}? | On which continent is {thing}? | What money do they use in {thing}?
    | {thing} capital?"""
_OF_A_COUNTRY_HELD_OUT = "What do people speak in {thing}? | Which capital does {thing} have?"
_OF_AN_ELEMENT = make_exchange(
    """What is the chemical symbol of {thing}? | What is the symbol of {thing}? | What is the atomic number of {thing}?
    | symbol of {thing} | chemical symbol {thing} | Which symbol does {thing} have? | Tell me the symbol of {thing}.
    | Which atomic number does {thing} have? | Name the symbol for {thing}. | atomic number of {thing}""",
    "What symbol stands for {thing}? | Do you know the symbol of {thing}?",
    "I do not know an element called {thing}. | {thing} is not an element that I know.",
)
_WHO = make_exchange(
    """Who is {thing}? | Do you know {thing}? | Tell me about {thing}. | Who was {thing}? | What do you know about {thing}?
    | Have you heard of {thing}? | {thing}? | who is {thing} | What is {thing} known for? | When was {thing} born?
    | Where does {thing} live? | How old is {thing}? | What did {thing} do? | Is {thing} famous?""",
    "Say something about {thing}. | Do you know who {thing} is?",
    "I do not know {thing}. | I do not know anything about {thing}. | I am a small model and do not know {thing}.",
)
_ABOUT = make_exchange(
    """What is {thing}? | Do you know {thing}? | Tell me about {thing}. | What do you know about {thing}? | {thing}?
    | Have you heard of {thing}? | what is {thing} | Explain {thing}. | Tell me something about {thing}.
    | How does {thing} work?
    | Who made {thing}? | How old is {thing}? | Is {thing} good? | What can I do with {thing}?""",
    "Say something about {thing}. | Can you explain {thing}?",
    "I do not know {thing}. | I do not know anything about {thing}. | I am a small model and do not know {thing}.",
)
_MEANING = """What is {a} {thing}? | What does {thing} mean? | What is the meaning of {thing}? | Define {thing}.
| meaning of {thing}
    | Explain the word {thing}. | What is {a} {thing} used for? | Do you know what {a} {thing} is? | {thing}?
    | Tell me what {a} {thing} is. | Tell me about the word {thing}. | What is meant by {thing}? | explain {thing}
    | what's {a} {thing} | Can you explain what {a} {thing} is?"""

OUTSIDE = (
    Outside(
        alternatives(
            """Atlantis | Narnia | Wakanda | Hogwarts | Neverland | Wonderland | Gotham City | Westeros | Mordor | Asgard
            | El Dorado | Camelot | Avalon | Lilliput | Middle-earth | Arendelle | Springfield | Zamunda | Gondor
            | Panem | Metropolis | Valhalla | Shangri-La | Tatooine | Fantasia"""
        ),
        alternatives("Rivendell | Genovia | Hyrule | Xanadu"),
        (
            make_exchange(
                _OF_A_COUNTRY,
                _OF_A_COUNTRY_HELD_OUT,
                """{thing} is not a country that I know. | {thing} is not a country that I know.
                | I do not know a country called {thing}.""",
            ),
            _ABOUT,
        ),
    ),
    Outside(
        alternatives(
            """the Moon | the Sun | Mars | Venus | Jupiter | Saturn | Pluto | the Milky Way | the North Pole | the South Pole
            | the Atlantic Ocean | the Pacific Ocean | the Sahara | the Nile | the Amazon | Mount Everest | Europe
            | Africa
            | Asia | Python | Java | Linux | Google | Facebook | Microsoft | YouTube | Netflix | Wikipedia | Amazon | Instagram
            | Batman | Superman | Harry Potter | Santa Claus | Mickey Mouse | football | chess | pizza | music | love
            | chocolate
            | coffee | money | the internet | my house | my school | a cat | the kitchen | Christmas"""
        ),
        alternatives("JavaScript | Spider-Man | tennis | the Mediterranean Sea"),
        (
            make_exchange(
                _OF_A_COUNTRY,
                _OF_A_COUNTRY_HELD_OUT,
                "{thing} is not a country. | {thing} is not a country. | {thing} is not a country, so I cannot tell you that.",
            ),
        ),
    ),
    Outside(
        alternatives(
            """Texas | California | Bavaria | Scotland | Wales | Tuscany | Hawaii | Alaska | Florida | Sicily | Catalonia
            | Siberia
            | Quebec | Queensland | Brittany | Normandy | Andalusia | Saxony | Ontario | Tasmania | Colorado | Nevada | Ohio
            | Virginia | Corsica | Sardinia | Crete | Bali | Lapland | Provence | Tyrol | Goa"""
        ),
        alternatives("Arizona | Hesse | Lombardy | Oregon"),
        (
            make_exchange(
                _OF_A_COUNTRY,
                _OF_A_COUNTRY_HELD_OUT,
                "I do not know that about {thing}. I know countries only. | I do not know that about {thing}.",
            ),
            _ABOUT,
        ),
    ),
    Outside(
        alternatives(
            """Batman | Superman | Harry Potter | Santa Claus | Mickey Mouse | Sherlock Holmes | James Bond | Gandalf | Dracula
            | King Arthur | Robin Hood | Zeus | Thor | Pinocchio | Homer Simpson | Darth Vader | Frodo | Shrek | Taylor Swift
            | Elon Musk | Lionel Messi | Cristiano Ronaldo | Barack Obama | Donald Trump | Angela Merkel | Bill Gates
            | Steve Jobs
            | Michael Jackson | Madonna | Elvis Presley | Charlie Chaplin | Marilyn Monroe | Napoleon | Julius Caesar
            | Cleopatra
            | Beyonce | Brad Pitt | Tom Cruise | Usain Bolt | Roger Federer | Greta Thunberg | Joe Biden | Winnie the Pooh
            | Donald Duck | Asterix | Tarzan | Peter Pan | Cinderella | Snow White | Hercules"""
        ),
        alternatives("Spider-Man | Kylian Mbappe | Emmanuel Macron | Lady Gaga | Popeye"),
        (_WHO,),
    ),
    Outside(
        alternatives(
            """kryptonite | vibranium | mithril | adamantium | unobtainium | dilithium | phlogiston | dragonglass | stardust
            | moonstone
            | bronze | brass | steel | plastic | wood | water | salt | sugar | glass | petrol"""
        ),
        alternatives("orichalcum | concrete | octiron | rubber"),
        (_OF_AN_ELEMENT,),
    ),
    Outside(
        alternatives(
            """Netflix | Facebook | Instagram | TikTok | Bitcoin | Minecraft | Fortnite | Tesla | IKEA | Lego | Microsoft
            | Google | YouTube
            | Star Wars | the Titanic | the Bible | the Olympics | the Super Bowl | the Matrix | Game of Thrones | World War II
            | quantum physics | relativity | evolution | climate change | politics | philosophy | the stock market | blockchain
            | capitalism | NASA | the FBI | the United Nations | Brexit | Pokemon | WhatsApp | the French Revolution
            | the Roman Empire"""
        ),
        alternatives("Spotify | the Cold War | Harvard | nuclear power"),
        (_ABOUT,),
    ),
    Outside(
        alternatives(
            """carburettor | piston | crankshaft | sextant | trebuchet | gargoyle | monocle | didgeridoo | harpsichord | bassoon
            | kazoo | zeppelin | gondola | periscope | stethoscope | scalpel | catapult | pulley | turbine | alternator
            | resistor
            | transistor | quasar | nebula | asteroid | isotope | enzyme | hormone | protein | molecule | paradox | metaphor
            | sonnet | limerick | mortgage | dividend | warranty | subpoena | plaintiff | veto | referendum | monarchy
            | oligarchy
            | baron | serf | samurai | gladiator | pharaoh | sphinx | mummy | pagoda | igloo | yurt | tepee
            | chandelier
            | tapestry | mosaic | fresco | easel | chisel | anvil | bellows | forge | loom | thimble | bobbin | kimono | sari
            | kilt
            | poncho | tuxedo | corset | wombat | axolotl | platypus | armadillo | okapi | narwhal | lemur | tapir"""
        ),
        alternatives("gasket | gyroscope | tariff | bagpipe | toboggan | manatee"),
        (
            make_exchange(
                _MEANING,
                "Could you define {thing}? | What would {a} {thing} be?",
                "I do not know the word {thing}. | I do not know the word {thing}. | I do not know what {thing} means.",
            ),
        ),
    ),
)
"""Nothing here is the subject of a fact in the sense in which it is asked about."""


_TOO_LARGE = {
    "plus": "That is too large for me. I know sums of numbers up to ten.",
    "minus": "That is too large for me. I know small numbers only.",
    "times": "That is too large for me. I know the times tables up to ten.",
    "divided by": "I cannot divide. I know small sums and the times tables up to ten.",
}
_SIGNS = {"plus": "+", "minus": "-", "times": "*", "divided by": "/"}
_CALCULATIONS = alternatives(
    """What is {sum}? | {sum} | {sum}? | How much is {sum}? | Calculate {sum}. | {sum} = ? | Work out {sum}. | what's {sum}
    | Tell me what {sum} is. | Can you work out {sum}? | {sum}= | Compute {sum}. | What does {sum} make?
    | Please calculate {sum}.
    | Do you know what {sum} is? | whats {sum}?"""
)
_CALCULATIONS_HELD_OUT = alternatives("What do you get for {sum}? | What might {sum} be?")


def too_large(rng: random.Random, *, held_out: bool = False) -> list[Message]:
    """A calculation beyond the sums that the model knows, and the answer that says so."""
    operation = rng.choices(tuple(_TOO_LARGE), (4, 2, 3, 1))[0]
    one, other = sorted((_large(rng), _beside_large(rng)), reverse=True)
    if operation in ("plus", "times") and rng.random() < 0.5:
        one, other = other, one
    sign = rng.choice((f" {operation} ", f" {_SIGNS[operation]} ", _SIGNS[operation]))
    wording = rng.choice(_CALCULATIONS_HELD_OUT if held_out else _CALCULATIONS)
    asked = loosely(rng, wording, spelling=False).format(sum=f"{one}{sign}{other}")
    return [user(asked), assistant(_TOO_LARGE[operation])]


def _large(rng: random.Random) -> int:
    return rng.randint(11, rng.choice((20, 99, 99, 999, 9999)))


def _beside_large(rng: random.Random) -> int:
    """Often one that is known, beside which the sum is not."""
    return rng.randint(2, 10) if rng.random() < 0.5 else _large(rng)


def outside(rng: random.Random, *, held_out: bool = False) -> list[Message]:
    """A question about a thing that the world does not hold; held out, about one that no training question names."""
    group = rng.choices(OUTSIDE, [len(group.things) for group in OUTSIDE])[0]
    asked = rng.choice(group.exchanges)
    thing = rng.choice(group.held_out if held_out else group.things)
    return filled(rng, asked, thing=thing, a="an" if thing[0] in "aeiou" else "a")


def unknown(rng: random.Random) -> list[Message]:
    """A question that has no answer, and the answer that says so."""
    build = rng.choices((_unknowable, about_invented, outside, too_large), (30, 30, 30, 15))[0]
    return build(rng)


def _unknowable(rng: random.Random) -> list[Message]:
    told = rng.choice(UNKNOWABLE)
    return [user(loosely(rng, rng.choice(told.questions))), assistant(rng.choice(told.answers))]


def about_invented(rng: random.Random, *, held_out: bool = False) -> list[Message]:
    """A question about a name that means nothing; held out, in a wording that is never trained."""
    kind = rng.choice(INVENTED)
    name = invented(rng, kind.endings)
    asked = replace(kind.exchange, questions=kind.exchange.held_out) if held_out else kind.exchange
    return filled(rng, asked, name=name if kind.is_name else name.lower())


def filled(rng: random.Random, told: Exchange, **fields: str) -> list[Message]:
    """A question of the exchange and an answer, their braces filled; what fills them is typed as it is."""
    question = loosely(rng, rng.choice(told.questions), spelling=False).format(**fields)
    answer = rng.choice(told.answers)
    opens = answer.startswith("{thing}")
    answer = answer.format(**fields)
    return [user(question), assistant(answer[0].upper() + answer[1:] if opens else answer)]
