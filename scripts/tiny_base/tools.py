"""Conversations with functions: which one is called, with what, and what is said of its result.

All arguments stand in the user's words. Conversations in which no function fits, and those in which an argument has to be
asked for, teach that a call is not always the answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiny_base.exchanges import ABOUT_THE_MODEL, GREETINGS, THANKS
from tiny_base.smalltalk import exchange
from tiny_base.systems import DEFAULT
from tiny_base.wording import FIRST_NAMES, MADE_UP_NAMES, alternatives, assistant, loosely, system, user, words

Values = dict[str, str | int]


@dataclass(frozen=True)
class Missing:
    """A request without one argument, what the assistant asks, and how the user then gives it."""

    requests: tuple[str, ...]
    held_out: tuple[str, ...]
    asks: tuple[str, ...]
    replies: tuple[str, ...]


@dataclass(frozen=True)
class Tool:
    """A function, how people ask for it, and how its result is told."""

    name: str
    description: str
    parameters: Mapping[str, tuple[str, str]]
    """Type and description by name; all are required."""
    requests: tuple[str, ...]
    """What the user says. Each parameter stands in it, in braces."""
    held_out: tuple[str, ...]
    draw: Callable[[random.Random, Sequence[str]], Values]
    """The values of one call, drawn from the generator and the cities."""
    result: Callable[[random.Random, Values], Values]
    """What the function gives back."""
    answers: tuple[str, ...]
    """Sentences with the values of call and result."""
    missing: Missing | None = None

    def definition(self) -> dict[str, Any]:
        properties = {name: {"type": kind, "description": said} for name, (kind, said) in self.parameters.items()}
        schema = {"type": "object", "properties": properties, "required": list(self.parameters)}
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": schema},
        }


def _missing(requests: str, held_out: str, asks: str, replies: str) -> Missing:
    return Missing(*(alternatives(text) for text in (requests, held_out, asks, replies)))


# What is drawn and what functions give back.

SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy", "clear")
COLD_SKIES = ("sunny", "cloudy", "snowy", "windy", "foggy", "clear")
CURRENCIES = {
    "euros": 100,
    "dollars": 110,
    "pounds": 85,
    "yen": 16_500,
    "francs": 95,
    "pesos": 2_000,
    "rupees": 9_500,
    "kronor": 1_100,
    "won": 150_000,
    "lira": 3_800,
}
"""What a hundred euros are worth in each, roughly."""
GOODS = words(
    """
    milk bread butter eggs apples bananas cheese rice pasta tomatoes potatoes onions coffee tea sugar salt flour soap honey
    carrots lemons water juice yoghurt nuts oil paper candles
    """
)
MUSIC = (
    "jazz",
    "rock",
    "classical music",
    "piano music",
    "pop",
    "folk songs",
    "blues",
    "guitar music",
    "opera",
    "dance music",
)
ROOMS = alternatives(
    "kitchen | bedroom | bathroom | living room | hall | cellar | garage | office | dining room | attic"
)
LANGUAGES = ("German", "French", "Spanish", "Italian")
TRANSLATIONS = {
    "apple": ("Apfel", "pomme", "manzana", "mela"),
    "book": ("Buch", "livre", "libro", "libro"),
    "bread": ("Brot", "pain", "pan", "pane"),
    "cat": ("Katze", "chat", "gato", "gatto"),
    "day": ("Tag", "jour", "día", "giorno"),
    "dog": ("Hund", "chien", "perro", "cane"),
    "door": ("Tür", "porte", "puerta", "porta"),
    "fish": ("Fisch", "poisson", "pez", "pesce"),
    "flower": ("Blume", "fleur", "flor", "fiore"),
    "friend": ("Freund", "ami", "amigo", "amico"),
    "garden": ("Garten", "jardin", "jardín", "giardino"),
    "horse": ("Pferd", "cheval", "caballo", "cavallo"),
    "house": ("Haus", "maison", "casa", "casa"),
    "milk": ("Milch", "lait", "leche", "latte"),
    "moon": ("Mond", "lune", "luna", "luna"),
    "night": ("Nacht", "nuit", "noche", "notte"),
    "school": ("Schule", "école", "escuela", "scuola"),
    "sea": ("Meer", "mer", "mar", "mare"),
    "snow": ("Schnee", "neige", "nieve", "neve"),
    "star": ("Stern", "étoile", "estrella", "stella"),
    "sun": ("Sonne", "soleil", "sol", "sole"),
    "table": ("Tisch", "table", "mesa", "tavolo"),
    "tree": ("Baum", "arbre", "árbol", "albero"),
    "water": ("Wasser", "eau", "agua", "acqua"),
    "window": ("Fenster", "fenêtre", "ventana", "finestra"),
    "winter": ("Winter", "hiver", "invierno", "inverno"),
}
"""English words in the order of `LANGUAGES`."""
MESSAGES = alternatives(
    """I will be late | see you tomorrow | the meeting is at three | dinner is ready | happy birthday | I am at home
    | call me back | thank you for the book | the train is late | I have the keys | we need more milk | good luck today
    | I am on my way"""
)
BOOK_SUBJECTS = words(
    """
    birds gardens history trains cooking stars ships music painting bridges dogs chess mountains castles bees volcanoes
    dinosaurs robots weather maps
    """
)
EVENTS = alternatives(
    """dentist appointment | lunch with Anna | team meeting | piano lesson | swimming | doctor's appointment
    | birthday party | haircut
    | football training | parents' evening | walk with the dog | choir"""
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
}


PEOPLE = (*FIRST_NAMES, *MADE_UP_NAMES)


def _draw_city(rng: random.Random, cities: Sequence[str]) -> Values:
    return {"city": rng.choice(cities)}


def _weather(rng: random.Random, _: Values) -> Values:
    temperature = rng.choice([degrees for degrees in range(-10, 39) if abs(degrees) != 1])
    return {"temperature": temperature, "sky": rng.choice(COLD_SKIES if temperature <= 0 else SKIES)}


def _draw_sum(rng: random.Random, _: Sequence[str]) -> Values:
    sign, one, other = rng.choice(tuple(OPERATIONS)), rng.randint(101, 999), rng.randint(2, 99)
    return {"expression": f"{one} {sign} {other}"}


def _sum_result(_: random.Random, values: Values) -> Values:
    one, sign, other = str(values["expression"]).split()
    return {"result": OPERATIONS[sign](int(one), int(other))}


def _draw_exchange(rng: random.Random, _: Sequence[str]) -> Values:
    source, target = rng.sample(tuple(CURRENCIES), 2)
    return {"amount": _changed(rng.randint(2, 900), "euros", source), "source": source, "target": target}


def _exchange_result(_: random.Random, values: Values) -> Values:
    converted = _changed(int(values["amount"]), str(values["source"]), str(values["target"]))
    return {"converted": converted, "currency": values["target"]}


def _changed(amount: int, source: str, target: str) -> int:
    """The amount in the other currency, of four digits and more to the two first ones."""
    exact = round(amount * CURRENCIES[target] / CURRENCIES[source])
    return exact if exact < 1000 else round(exact, 2 - len(str(exact)))


def _draw_minutes(rng: random.Random, _: Sequence[str]) -> Values:
    return {"minutes": rng.randint(2, 90)}


def _one_of(name: str, choices: Sequence[str]) -> Callable[[random.Random, Sequence[str]], Values]:
    return lambda rng, _: {name: rng.choice(choices)}


def _draw_translation(rng: random.Random, _: Sequence[str]) -> Values:
    return {"word": rng.choice(tuple(TRANSLATIONS)), "language": rng.choice(LANGUAGES)}


def _translation_result(_: random.Random, values: Values) -> Values:
    return {"translation": TRANSLATIONS[str(values["word"])][LANGUAGES.index(str(values["language"]))]}


def _draw_message(rng: random.Random, _: Sequence[str]) -> Values:
    return {"to": rng.choice(PEOPLE), "text": rng.choice(MESSAGES)}


def _draw_event(rng: random.Random, _: Sequence[str]) -> Values:
    return {"title": rng.choice(EVENTS), "day": rng.choice(DAYS), "hour": rng.randint(7, 21)}


def _draw_way(rng: random.Random, cities: Sequence[str]) -> Values:
    start, end = rng.sample(list(cities), 2)
    return {"start": start, "end": end}


def _draw_order(rng: random.Random, _: Sequence[str]) -> Values:
    return {"number": rng.randint(1000, 9999)}


def _draw_temperature(rng: random.Random, _: Sequence[str]) -> Values:
    return {"room": rng.choice(ROOMS), "degrees": rng.randint(16, 25)}


def _done(_: random.Random, __: Values) -> Values:
    return {"status": "done"}


TOOLS = (
    Tool(
        "get_weather",
        "Weather in a city now",
        {"city": ("string", "City")},
        alternatives(
            """What is the weather in {city}? | How is the weather in {city}? | What's the weather like in {city}?
            | Is it warm in {city}? | How warm is it in {city}? | Tell me the weather in {city}.
            | Weather in {city}, please. | Is it raining in {city}? | How cold is it in {city} today?
            | I am going to {city}. How is the weather there? | What is the temperature in {city}?
            | Do I need a coat in {city}?"""
        ),
        alternatives("Is the weather good in {city}? | How is the weather in {city} right now?"),
        _draw_city,
        _weather,
        alternatives(
            """It is {temperature} degrees and {sky} in {city}. | In {city} it is {sky}, with {temperature} degrees.
            | The weather in {city} is {sky}, and it is {temperature} degrees."""
        ),
        _missing(
            """What is the weather? | How is the weather? | Tell me the weather. | How warm is it? | What is the temperature?
            | Weather, please.""",
            "Is the weather good? | What is the weather like now?",
            "In which city? | For which city would you like to know the weather? | Which city do you mean?",
            "{city} | In {city}. | {city}, please. | I mean {city}. | In {city}, please.",
        ),
    ),
    Tool(
        "get_time",
        "Time in a city now",
        {"city": ("string", "City")},
        alternatives(
            """What time is it in {city}? | Tell me the time in {city}. | Can you tell me the time in {city}?
            | What is the time in {city}? | Time in {city}, please. | Is it night in {city} now?
            | Do you know what time it is in {city}? | I want to call a friend in {city}. What time is it there?
            | What's the time in {city}? | Can you look up the time in {city}? | Is it morning in {city}?"""
        ),
        alternatives("What time is it in {city} now? | Please tell me what time it is in {city}."),
        _draw_city,
        lambda rng, _: {"time": f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"},
        alternatives("It is {time} in {city}. | The time in {city} is {time}. | In {city} it is {time}."),
        _missing(
            """What time is it? | Tell me the time. | What is the time? | Can you tell me the time? | The time, please.
            | Do you know what time it is?""",
            "What time is it now? | Please tell me the time.",
            "In which city? | For which city would you like to know the time? | Which city do you mean?",
            "{city} | In {city}. | {city}, please. | I mean {city}. | In {city}, please.",
        ),
    ),
    Tool(
        "calculate",
        "Works out a sum",
        {"expression": ("string", "The sum")},
        alternatives(
            """What is {expression}? | Calculate {expression}. | Work out {expression}. | How much is {expression}?
            | {expression} | {expression} = ? | Please calculate {expression}. | Can you work out {expression}?
            | Tell me what {expression} is. | I need the result of {expression}. | Use the calculator: {expression}
            | Compute {expression}."""
        ),
        alternatives("What does {expression} come to? | Could you calculate {expression}?"),
        _draw_sum,
        _sum_result,
        alternatives("{expression} is {result}. | The result is {result}. | {expression} = {result}."),
        _missing(
            """Calculate something. | I need the calculator. | Can you do a sum for me? | Work out a sum.
            | Do some maths for me. | Please calculate.""",
            "I have a sum for you. | Could you calculate something?",
            "What should I calculate? | Which sum? | What is the sum?",
            "{expression} | {expression}, please. | What is {expression}? | It is {expression}.",
        ),
    ),
    Tool(
        "convert_currency",
        "Changes money from one currency to another",
        {"amount": ("integer", "Amount"), "source": ("string", "From"), "target": ("string", "To")},
        alternatives(
            """How many {target} are {amount} {source}? | Convert {amount} {source} to {target}.
            | What are {amount} {source} in {target}? | Change {amount} {source} into {target}.
            | {amount} {source} in {target}, please. | How much is {amount} {source} in {target}?
            | I have {amount} {source}. How many {target} is that? | Please convert {amount} {source} into {target}.
            | How many {target} do I get for {amount} {source}? | What is {amount} {source} worth in {target}?
            | Tell me how many {target} I get for {amount} {source}."""
        ),
        alternatives("Can you change {amount} {source} to {target}? | {amount} {source} are how many {target}?"),
        _draw_exchange,
        _exchange_result,
        alternatives("""{amount} {source} are {converted} {target}. | You get {converted} {target} for {amount} {source}.
        | That is {converted} {target}."""),
    ),
    Tool(
        "set_timer",
        "Starts a timer",
        {"minutes": ("integer", "Minutes")},
        alternatives(
            """Set a timer for {minutes} minutes. | Start a timer of {minutes} minutes. | Timer, {minutes} minutes.
            | Please set a timer for {minutes} minutes. | Wake me in {minutes} minutes.
            | Tell me when {minutes} minutes are over. | Set the timer to {minutes} minutes.
            | I need a timer for {minutes} minutes. | Give me {minutes} minutes.
            | Can you set a timer for {minutes} minutes? | My break is {minutes} minutes long. Set a timer."""
        ),
        alternatives("Could you start a timer for {minutes} minutes? | Let the timer run for {minutes} minutes."),
        _draw_minutes,
        _done,
        alternatives("""The timer is set for {minutes} minutes. | I have set a timer for {minutes} minutes.
        | Your timer runs for {minutes} minutes."""),
        _missing(
            """Set a timer. | Start a timer. | I need a timer. | Please set a timer. | Can you set a timer?
            | Start the timer, please.""",
            "Could you start a timer? | A timer, please.",
            "For how many minutes? | How many minutes? | How long should the timer run?",
            "{minutes} | {minutes} minutes. | For {minutes} minutes. | {minutes} minutes, please.",
        ),
    ),
    Tool(
        "add_to_shopping_list",
        "Puts something on the shopping list",
        {"item": ("string", "What to buy")},
        alternatives(
            """Add {item} to my shopping list. | Put {item} on the shopping list. | We need {item}. | I need to buy {item}.
            | Write {item} on the list. | Please add {item} to the list. | Add {item}.
            | {item} for the shopping list, please. | Can you put {item} on my list? | Do not let me forget to buy {item}.
            | We are out of {item}."""
        ),
        alternatives("Please write {item} on my shopping list. | There is no {item} left. Put it on the list."),
        _one_of("item", GOODS),
        _done,
        alternatives(
            """I have added {item} to your shopping list. | I have put {item} on the list.
            | Now {item} is on your shopping list."""
        ),
        _missing(
            """Add something to my shopping list. | I want to put something on the list. | Put something on the shopping list.
            | I need to buy something. | A new thing for the shopping list. | Can you add something to the list?""",
            "There is something for the shopping list. | I want to add something to the list.",
            "What should I add? | What would you like to buy? | What should I put on the list?",
            "{item} | {item}, please. | We need {item}. | Some {item}.",
        ),
    ),
    Tool(
        "play_music",
        "Plays music",
        {"kind": ("string", "Kind of music")},
        alternatives(
            """Play some {kind}. | Play {kind}. | I want to hear {kind}. | Put on some {kind}. | Please play {kind}.
            | Can you play some {kind}? | I would like to listen to {kind}. | Some {kind}, please. | Let us hear {kind}.
            | Turn on {kind}. | I feel like {kind}."""
        ),
        alternatives("Could you put on {kind}? | Let me hear some {kind}."),
        _one_of("kind", MUSIC),
        lambda rng, _: {"status": "playing"},
        alternatives("I am playing {kind} for you. | Here is some {kind}. | Now playing: {kind}."),
        _missing(
            """Play music. | Play some music. | Put on some music. | I want to hear music. | Please play something.
            | Turn on the music.""",
            "Could you play some music? | Let me hear music.",
            "What kind of music would you like? | Which music should I play? | What would you like to hear?",
            "{kind} | Some {kind}. | {kind}, please. | I like {kind}.",
        ),
    ),
    Tool(
        "turn_on_light",
        "Turns on the light in a room",
        {"room": ("string", "Room")},
        alternatives(
            """Turn on the light in the {room}. | Light in the {room}, please. | Switch on the light in the {room}.
            | It is dark in the {room}. | Please turn on the {room} light. | Turn the light on in the {room}.
            | Put the light on in the {room}. | I cannot see anything in the {room}. | Can you turn on the light in the {room}?
            | {room} light on. | I need light in the {room}."""
        ),
        alternatives("Could you switch on the {room} light? | Put on the light in the {room}."),
        _one_of("room", ROOMS),
        _done,
        alternatives(
            """The light in the {room} is on. | I have turned on the light in the {room}. | Now there is light in the {room}."""
        ),
        _missing(
            """Turn on the light. | Light, please. | Switch on the light. | It is dark. | I need light.
            | Can you turn on the light?""",
            "Put on the light. | Could you switch on a light?",
            "In which room? | Which room do you mean? | In which room should I turn on the light?",
            "{room} | In the {room}. | The {room}. | The {room}, please.",
        ),
    ),
    Tool(
        "translate_word",
        "Translates a word",
        {"word": ("string", "Word"), "language": ("string", "Language")},
        alternatives(
            """What is "{word}" in {language}? | Translate "{word}" into {language}. | How do you say "{word}" in {language}?
            | What is the {language} word for "{word}"? | Translate {word} to {language}.
            | I need the {language} word for {word}. | "{word}" in {language}, please.
            | Tell me what {word} is in {language}. | How do they say {word} in {language}?
            | Please translate {word} into {language}. | Can you translate "{word}" into {language}?"""
        ),
        alternatives("What do you call {word} in {language}? | Which {language} word means {word}?"),
        _draw_translation,
        _translation_result,
        alternatives(
            '"{word}" is "{translation}" in {language}. | The {language} word for "{word}" is "{translation}".'
        ),
    ),
    Tool(
        "send_message",
        "Sends a message to a person",
        {"to": ("string", "Person"), "text": ("string", "Message")},
        alternatives(
            """Send a message to {to}: {text} | Write to {to}: {text} | Tell {to}: {text} | Message {to}: {text}
            | Send {to} this message: {text} | Please write to {to}: {text} | Send "{text}" to {to}. | Text {to} "{text}".
            | Write "{text}" to {to}. | Can you tell {to} "{text}"? | I want to write to {to}: {text}"""
        ),
        alternatives('Let {to} know: {text} | Please send "{text}" to {to}.'),
        _draw_message,
        lambda rng, _: {"status": "sent"},
        alternatives(
            'I have sent your message to {to}. | Your message to {to} has been sent. | I have told {to}: "{text}".'
        ),
    ),
    Tool(
        "search_library",
        "Looks for books in the library",
        {"subject": ("string", "Subject")},
        alternatives(
            """Find books about {subject}. | Do you have books about {subject}? | I am looking for a book about {subject}.
            | Search the library for {subject}. | Are there books on {subject}? | I want to read about {subject}.
            | Books about {subject}, please. | Show me books on {subject}. | Which books are there about {subject}?
            | Look for books about {subject}. | I need a book on {subject}."""
        ),
        alternatives("Can you find a book on {subject}? | Is there a book about {subject}?"),
        _one_of("subject", BOOK_SUBJECTS),
        lambda rng, _: {"books": rng.randint(2, 60), "shelf": rng.randint(1, 40)},
        alternatives(
            """There are {books} books about {subject} on shelf {shelf}.
            | I found {books} books about {subject}. They are on shelf {shelf}.
            | The library has {books} books about {subject}, on shelf {shelf}."""
        ),
        _missing(
            """Find me a book. | I am looking for a book. | Search the library. | I need a book. | I want to read something.
            | Look for books.""",
            "Can you find a book? | Is there a book for me?",
            "About what? | What should the book be about? | Which subject would you like to read about?",
            "{subject} | About {subject}. | {subject}, please. | Something about {subject}.",
        ),
    ),
    Tool(
        "create_event",
        "Writes an event into the calendar",
        {"title": ("string", "Event"), "day": ("string", "Day"), "hour": ("integer", "Hour")},
        alternatives(
            """Put "{title}" in my calendar for {day} at {hour}:00. | Add {title} on {day} at {hour}:00 to my calendar.
            | Calendar: {title}, {day}, {hour}:00. | Note down {title} on {day} at {hour}:00.
            | Please note: {title}, {day} at {hour}:00. | Make an entry for {title} on {day} at {hour}:00.
            | Create an event: {title}, {day} at {hour}:00. | Enter {title} for {day} at {hour}:00.
            | Plan {title} for {day} at {hour}:00. | New event on {day} at {hour}:00: {title}.
            | Write {title} into the calendar, {day} at {hour}:00."""
        ),
        alternatives(
            "Note {title} for {day}, {hour}:00. | Can you put {title} into the calendar on {day} at {hour}:00?"
        ),
        _draw_event,
        _done,
        alternatives(
            """I have put "{title}" in your calendar for {day} at {hour}:00.
            | "{title}" is in your calendar: {day}, {hour}:00. | Your calendar now has "{title}" on {day} at {hour}:00."""
        ),
    ),
    Tool(
        "find_phone_number",
        "Phone number of a person",
        {"name": ("string", "Person")},
        alternatives(
            """What is the phone number of {name}? | What is {name}'s number? | Find the number of {name}.
            | I need {name}'s phone number. | How can I call {name}? | Look up {name}'s phone number.
            | Give me the number of {name}. | Do you have {name}'s number? | The phone number of {name}, please.
            | Which number does {name} have? | Tell me {name}'s phone number."""
        ),
        alternatives("Can you look up the number of {name}? | At which number can I reach {name}?"),
        _one_of("name", PEOPLE),
        lambda rng, _: {"number": f"{rng.randint(100, 999)} {rng.randint(1000, 9999)}"},
        alternatives(
            """The phone number of {name} is {number}. | {name}'s number is {number}. | You can reach {name} at {number}."""
        ),
        _missing(
            """Find a phone number. | I need a phone number. | Look up a number for me. | I want to call someone.
            | A phone number, please.""",
            "Can you look up a number? | I am looking for a phone number.",
            "Whose number do you need? | Whom would you like to call? | Whose phone number?",
            "{name} | {name}'s number. | {name}, please. | The number of {name}.",
        ),
    ),
    Tool(
        "get_parcel_price",
        "What a parcel costs between two cities",
        {"start": ("string", "From city"), "end": ("string", "To city")},
        alternatives(
            """How much is a parcel from {start} to {end}? | What does a parcel from {start} to {end} cost?
            | I want to send a parcel from {start} to {end}. | Price of a parcel from {start} to {end}, please.
            | What do I pay for a parcel from {start} to {end}? | I am in {start}. What does a parcel to {end} cost?
            | Tell me the price of a parcel from {start} to {end}. | A parcel from {start} to {end}, please.
            | Find the price of a parcel to {end}. I send it from {start}.
            | How much must I pay to send a parcel from {start} to {end}? | Is a parcel from {start} to {end} expensive?"""
        ),
        alternatives(
            "How expensive is a parcel from {start} to {end}? | What is the price of a parcel to {end} from {start}?"
        ),
        _draw_way,
        lambda rng, _: {"euros": rng.randint(4, 60)},
        alternatives(
            """A parcel from {start} to {end} costs {euros} euros. | You pay {euros} euros for a parcel from {start} to {end}.
            | That parcel costs {euros} euros."""
        ),
    ),
    Tool(
        "track_order",
        "Where an order is",
        {"number": ("integer", "Order number")},
        alternatives(
            """Where is my order {number}? | Track order {number}. | What is the state of order {number}?
            | Has order {number} been sent? | When does order {number} arrive? | My order number is {number}. Where is it?
            | Look up order {number}. | Please check order {number}. | Is order {number} on its way?
            | I am waiting for order {number}. | Order {number}, please."""
        ),
        alternatives("Can you find order {number}? | Tell me where order {number} is."),
        _draw_order,
        lambda rng, _: {"state": rng.choice(("packed", "on its way", "at the post office", "out for delivery"))},
        alternatives("Order {number} is {state}. | Your order {number} is {state}."),
        _missing(
            """Where is my order? | Track my order. | When does my order arrive? | Has my order been sent? | Check my order.
            | I am waiting for my order.""",
            "Can you find my order? | Tell me where my order is.",
            "What is your order number? | Which order number do you have? | Please tell me the order number.",
            "{number} | It is {number}. | Order {number}. | The number is {number}.",
        ),
    ),
    Tool(
        "set_heating",
        "Sets the temperature of a room",
        {"room": ("string", "Room"), "degrees": ("integer", "Degrees")},
        alternatives(
            """Set the {room} to {degrees} degrees. | Heat the {room} to {degrees} degrees.
            | Make it {degrees} degrees in the {room}. | I want {degrees} degrees in the {room}.
            | {room}: {degrees} degrees. | Please set the heating in the {room} to {degrees} degrees.
            | {degrees} degrees in the {room}, please. | Turn the heating in the {room} to {degrees}.
            | The {room} should be at {degrees} degrees. | Can you heat the {room} to {degrees} degrees?"""
        ),
        alternatives("Warm the {room} to {degrees} degrees. | Could you set the {room} to {degrees} degrees?"),
        _draw_temperature,
        _done,
        alternatives(
            """The {room} is set to {degrees} degrees. | I have set the heating in the {room} to {degrees} degrees.
            | It will be {degrees} degrees in the {room}."""
        ),
    ),
)

NO_TOOL = alternatives(
    """I cannot do that with the functions I have. | I am sorry, I have no function for that.
    | I do not have a function for that. | Sorry, none of my functions can do that."""
)


# Conversations.


def tool_conversation(rng: random.Random, cities: Sequence[str], *, held_out: bool = False) -> dict[str, Any]:
    """A row with `messages` and `tools`. Held out, it is one call or one question back, in wordings never drawn otherwise."""
    tool = rng.choice(TOOLS)
    build = rng.choices((_one_call, _two_calls, _asked_back, _not_needed, _not_offered), weights=(60, 12, 12, 10, 6))[0]
    if held_out and build is not _asked_back:
        build = _one_call
    if build is _asked_back and tool.missing is None:
        build = _one_call
    return build(rng, tool, cities, held_out)


def _one_call(rng: random.Random, tool: Tool, cities: Sequence[str], held_out: bool) -> dict[str, Any]:
    return _row(rng, [tool], _call(rng, tool, cities, held_out))


def _two_calls(rng: random.Random, tool: Tool, cities: Sequence[str], held_out: bool) -> dict[str, Any]:
    """Two requests in turn, of one function or of two."""
    second = rng.choice((tool, rng.choice(TOOLS)))
    offered = [tool] if second is tool else [tool, second]
    return _row(rng, offered, _call(rng, tool, cities, held_out) + _call(rng, second, cities, held_out))


def _asked_back(rng: random.Random, tool: Tool, cities: Sequence[str], held_out: bool) -> dict[str, Any]:
    """The request lacks an argument, which the assistant asks for."""
    assert tool.missing is not None
    values = tool.draw(rng, cities)
    request = rng.choice(tool.missing.held_out if held_out else tool.missing.requests)
    opening = [user(loosely(rng, request)), assistant(rng.choice(tool.missing.asks))]
    reply = user(rng.choice(tool.missing.replies).format(**values))
    return _row(rng, [tool], [*opening, reply, *_call_and_answer(rng, tool, values)])


def _not_needed(rng: random.Random, tool: Tool, cities: Sequence[str], held_out: bool) -> dict[str, Any]:
    """Small talk while functions are offered; sometimes a call comes behind it."""
    talk = exchange(rng, rng.choice((*GREETINGS, *THANKS, *ABOUT_THE_MODEL)))
    calls = _call(rng, tool, cities, held_out) if rng.random() < 0.4 else []
    return _row(rng, [tool], [*talk, *calls])


def _not_offered(rng: random.Random, tool: Tool, cities: Sequence[str], held_out: bool) -> dict[str, Any]:
    """A request whose function is not among the offered ones."""
    request = loosely(rng, rng.choice(tool.requests), spelling=False).format(**tool.draw(rng, cities))
    others = rng.sample([other for other in TOOLS if other is not tool], rng.randint(1, 3))
    return _row(rng, others, [user(request), assistant(rng.choice(NO_TOOL))], offer_more=False)


def _call(rng: random.Random, tool: Tool, cities: Sequence[str], held_out: bool) -> list[dict[str, Any]]:
    """Request, call, result and answer."""
    values = tool.draw(rng, cities)
    request = rng.choice(tool.held_out) if held_out else loosely(rng, rng.choice(tool.requests), spelling=False)
    return [user(request.format(**values)), *_call_and_answer(rng, tool, values)]


def _call_and_answer(rng: random.Random, tool: Tool, values: Values) -> list[dict[str, Any]]:
    arguments = json.dumps({name: values[name] for name in tool.parameters}, ensure_ascii=False)
    result = tool.result(rng, values)
    call = {
        "id": f"call_{rng.getrandbits(32):08x}",
        "type": "function",
        "function": {"name": tool.name, "arguments": arguments},
    }
    answer = rng.choice(tool.answers).format(**values | result)
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result, ensure_ascii=False)},
        assistant(answer[0].upper() + answer[1:]),
    ]


def _row(
    rng: random.Random, tools: list[Tool], messages: list[dict[str, Any]], *, offer_more: bool = True
) -> dict[str, Any]:
    """The messages, a system message before some of them, and the tools among up to three others in any order."""
    offered = list(tools)
    if offer_more:
        offered += rng.sample([other for other in TOOLS if other not in tools], rng.randint(0, 4 - len(tools)))
    rng.shuffle(offered)
    opening = [system(DEFAULT.system(rng))] if rng.random() < 0.4 else []
    return {"messages": [*opening, *messages], "tools": [tool.definition() for tool in offered]}
