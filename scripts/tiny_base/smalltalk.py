"""Small talk as whole conversations: what the user tells and asks for later, copying, and exchanges in any order.

The held-out paraphrases are never drawn here; they measure what was understood.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tiny_base.exchanges import (
    ABOUT_THE_MODEL,
    EVERYDAY,
    EXCHANGES,
    FAREWELLS,
    GREETINGS,
    JOKES,
    POEM,
    POEM_REQUESTS,
    POEMS,
    STORY,
    THANKS,
    Exchange,
    make_exchange,
)
from tiny_base.unknowns import unknown
from tiny_base.wording import (
    CAT_NAMES,
    DOG_NAMES,
    FIRST_NAMES,
    HELD_OUT_NAMES,
    MADE_UP_NAMES,
    Message,
    alternatives,
    assistant,
    loosely,
    user,
    words,
)

TOWNS = alternatives(
    """Paris | London | Berlin | Rome | Madrid | Vienna | Oslo | Hamburg | Munich | Lyon | Boston | Chicago | Toronto | Sydney
    | Tokyo | Lima | Cairo | Mumbai | Seoul | Dublin | Leeds | Bristol | York | Graz | Basel | Turin | Porto | Seville | Ghent
    | Malmo | Bergen | Gdansk | Brno | Split | Izmir | Haifa | Accra | Lagos | Dakar | Perth | Denver | Dallas | Miami | Quito
    | Cusco | Kyoto | Osaka | Hanoi | Oxford | Bath | Dover | Bonn | Mainz | Kassel | Nantes | Dijon | Bologna | Padua"""
)

# What the user says of themselves and asks for later: the answer stands in the conversation alone.


@dataclass(frozen=True)
class Told:
    """Something told in one turn and asked for in a later one; every wording but `untold` may hold {value}."""

    values: tuple[str, ...]
    telling: tuple[str, ...]
    replies: tuple[str, ...]
    asking: tuple[str, ...]
    held_out: tuple[str, ...]
    answers: tuple[str, ...]
    untold: tuple[str, ...]
    """Answers where it was asked for and never told."""


def _told(values: str, telling: str, replies: str, asking: str, held_out: str, answers: str, untold: str) -> Told:
    return Told(*(alternatives(text) for text in (values, telling, replies, asking, held_out, answers, untold)))


TOLD = (
    _told(
        " | ".join((*FIRST_NAMES, *MADE_UP_NAMES)),
        """My name is {value}. | I am {value}. | Hello, my name is {value}. | Hi, I am {value}. | You can call me {value}.
        | I am called {value}. | My name's {value}. | Please call me {value}. | People call me {value}.
        | Hi! My name is {value}. | Hello, I'm {value}. | It's {value} here. | my name is {value} | im {value} | i am {value}
        | name's {value} | Call me {value}. | I go by {value}. | They call me {value}. | Hey, {value} here. | This is {value}.
        | My first name is {value}. | Remember my name: {value}. | hi im {value} | Hello Tiny, I am {value}.""",
        """Nice to meet you, {value}. | Hello, {value}. How can I help you?
        | Nice to meet you, {value}! What would you like to know?""",
        """What is my name? | What's my name? | Do you know my name? | Who am I? | Do you remember my name? | What am I called?
        | Tell me my name. | Say my name. | Can you tell me my name? | What was my name again? | What do people call me?
        | my name? | whats my name
        | And what is my name? | So what is my name? | Do you still know my name? | who am i | What name did I tell you?""",
        "Have you remembered my name? | Which name did I give you? | Could you say my name?",
        "Your name is {value}. | Your name is {value}. | You are {value}.",
        "I do not know your name. What is it? | You have not told me your name.",
    ),
    _told(
        """red | blue | green | yellow | black | white | orange | purple | pink | brown | grey | turquoise | violet | gold
        | silver
        | beige | light blue | dark green | dark red | olive | scarlet | crimson | lilac | navy blue | mint green""",
        """My favourite colour is {value}. | The colour I like best is {value}. | I like {value} best of all colours.
        | I love the colour {value}. | My best-loved colour is {value}. | Of all colours, I like {value} most.
        | The colour {value} is my favourite. | My favorite color is {value}. | I love {value} things.
        | {value} is my favourite colour.
        | Remember: my favourite colour is {value}. | my fav colour is {value}""",
        "A good choice. | {value} is a fine colour. | Thank you for telling me. | I will keep that in mind.",
        """What is my favourite colour? | Which colour do I like best? | Do you know my favourite colour?
        | What colour is my favourite? | Tell me my favourite colour. | Which colour do I love?
        | What was my favourite colour? | What is my favorite color? | my favourite colour? | And my favourite colour?
        | What colour do I like? | Which is my favourite colour?""",
        "Do you remember my favourite colour? | Which colour is my favourite?",
        "Your favourite colour is {value}. | You like {value} best.",
        "I do not know your favourite colour. | You have not told me your favourite colour.",
    ),
    _told(
        """apples | bread | cheese | soup | rice | pizza | pasta | cake | eggs | fish | potatoes | salad | bananas | chocolate
        | pancakes | sushi | curry | noodles | ice cream | strawberries | tomato soup | cherries | lasagne | dumplings | tacos
        | ramen | stew | mushrooms | carrots | waffles | lentils | beans | pears | grapes | cheesecake""",
        """My favourite food is {value}. | I like {value} most of all. | I love {value}.
        | Nothing tastes better to me than {value}. | The food I like best is {value}. | I could eat {value} every day.
        | I eat {value} all the time.""",
        "That sounds good. | A good choice. | Thank you for telling me. | I will keep that in mind.",
        """What is my favourite food? | Which food do I like best? | What do I like to eat? | Do you know my favourite food?
        | Tell me my favourite food. | What food do I love? | What was my favourite food? | my favourite food?
        | And my favourite food? | What is my favorite food?
        | What do I love to eat?""",
        "Do you remember my favourite food? | Which food is my favourite?",
        "Your favourite food is {value}. | You like {value} best.",
        "I do not know your favourite food. | You have not told me your favourite food.",
    ),
    _told(
        " | ".join(str(age) for age in range(5, 100)),
        """I am {value} years old. | I am {value}. | My age is {value}. | I turned {value} today.
        | I have just turned {value}. | Today I am {value} years old. | I'm {value} years old.""",
        "{value} is a good age. | Thank you for telling me. | I will keep that in mind.",
        """How old am I? | What is my age? | Do you know how old I am? | Tell me my age. | Do you know my age? | What age am I?
        | How many years old am I? | my age? | And how old am I? | how old am i again | What is my age again?""",
        "Do you remember my age? | Do you remember how old I am?",
        "You are {value} years old. | You are {value}.",
        "I do not know how old you are. | You have not told me your age.",
    ),
    _told(
        " | ".join(DOG_NAMES),
        """I have a dog called {value}. | My dog is called {value}. | My dog's name is {value}.
        | I have a dog. Its name is {value}. | This is my dog {value}. | The name of my dog is {value}.
        | We have a dog, {value}.""",
        "{value} is a good name for a dog. | I would like to meet {value}. | Thank you for telling me.",
        """What is my dog called? | What is the name of my dog? | Do you know my dog's name? | What is my dog's name?
        | Tell me my dog's name. | What name does my dog have? | What do I call my dog?""",
        "Do you remember my dog's name? | Which name did I give my dog?",
        "Your dog is called {value}. | The name of your dog is {value}.",
        "I do not know your dog's name. | You have not told me your dog's name.",
    ),
    _told(
        " | ".join(CAT_NAMES),
        """I have a cat called {value}. | My cat is called {value}. | My cat's name is {value}. | The name of my cat is {value}.
        | I have a cat. Her name is {value}. | We have a cat, {value}. | This is my cat {value}. | my cat is {value}""",
        "{value} is a good name for a cat. | I would like to meet {value}. | Thank you for telling me.",
        """What is my cat called? | What is the name of my cat? | Do you know my cat's name? | What is my cat's name?
        | Tell me my cat's name. | What name does my cat have? | What do I call my cat? | And what is my cat called?""",
        "Do you remember my cat's name? | Which name did I give my cat?",
        "Your cat is called {value}. | The name of your cat is {value}.",
        "I do not know your cat's name. | You have not told me your cat's name.",
    ),
    _told(
        " | ".join(TOWNS),
        """I live in {value}. | My home is in {value}. | I am from {value}. | I come from {value}. | My town is {value}.
        | I was born in {value} and live there. | My house is in {value}. | im from {value} | We live in {value}.
        | I have lived in {value} all my life. | I'm writing to you from {value}.""",
        "{value} sounds like a nice place. | Greetings to {value}! | Thank you for telling me. | I will keep that in mind.",
        """Where do I live? | In which town do I live? | Where am I from? | Do you know where I live? | Where is my home?
        | Tell me where I live. | Where do I come from? | Which town am I from? | where do i live again
        | And where do I live?""",
        "Do you remember where I live? | Which town do I live in?",
        "You live in {value}. | You are from {value}. | You live in {value}.",
        "I do not know where you live. | You have not told me where you live.",
    ),
    _told(
        " | ".join((*FIRST_NAMES, *MADE_UP_NAMES)),
        """My best friend is called {value}. | My best friend is {value}. | My best friend's name is {value}.
        | The name of my best friend is {value}. | I have a good friend called {value}. | {value} is my best friend.
        | I have a friend, {value}. | my friend is called {value}""",
        "{value} must be a good friend. | It is good to have a friend. | Thank you for telling me.",
        """What is my best friend called? | Who is my best friend? | What is the name of my friend? | What is my friend's name?
        | Do you know my friend's name? | Tell me the name of my best friend. | What is my friend called?
        | And who is my best friend?""",
        "Do you remember my friend's name? | What was the name of my best friend?",
        "Your best friend is called {value}. | Your friend is called {value}.",
        "I do not know your friend's name. | You have not told me your friend's name.",
    ),
    _told(
        " | ".join((*FIRST_NAMES, *MADE_UP_NAMES)),
        """My sister is called {value}. | My sister's name is {value}. | I have a sister called {value}.
        | The name of my sister is {value}.
        | I have a sister. Her name is {value}. | {value} is my sister. | This is my sister {value}. | my sister is {value}""",
        "Greetings to {value}! | Thank you for telling me. | I will keep that in mind.",
        """What is my sister called? | What is my sister's name? | What is the name of my sister? | Who is my sister?
        | Do you know my sister's name? | Tell me my sister's name. | What do I call my sister?
        | And what is my sister called?""",
        "Do you remember my sister's name? | What was the name of my sister?",
        "Your sister is called {value}. | The name of your sister is {value}.",
        "I do not know your sister's name. | You have not told me your sister's name.",
    ),
    _told(
        " | ".join(str(number) for number in range(2, 100)),
        """My lucky number is {value}. | {value} is my lucky number. | My favourite number is {value}.
        | I like the number {value}.
        | The number I like best is {value}. | Remember the number {value}. | Keep the number {value} in mind.
        | I am thinking of the number {value}.""",
        "{value} is a good number. | Thank you for telling me. | I will keep that in mind.",
        """What is my number? | What is my lucky number? | Which number did I say? | Which number do I like best?
        | What was my number?
        | Do you know my number? | Tell me my number. | And my lucky number?""",
        "Do you remember my number? | Which number did I tell you?",
        "Your number is {value}. | It is {value}.",
        "I do not know your number. | You have not told me a number.",
    ),
    _told(
        """teacher | baker | nurse | farmer | gardener | painter | driver | cook | pilot | student | engineer | waiter | plumber
        | carpenter | dentist | lawyer | journalist | hairdresser | postman | butcher | tailor | librarian | musician
        | programmer""",
        """I work as a {value}. | My job is {value}. | I have a job as a {value}. | My profession is {value}.
        | I earn my money as a {value}.
        | By trade I am a {value}. | My work is that of a {value}. | For a living I work as a {value}.""",
        "That is good work. | Thank you for telling me. | I will keep that in mind. | That sounds interesting.",
        """What is my job? | What do I do for a living? | What do I work as? | Do you know my job? | Tell me my job.
        | What was my job again?
        | And what is my job? | What is my profession?""",
        "Do you remember my job? | What do I do for work?",
        "You work as a {value}. | Your job is {value}.",
        "I do not know your job. | You have not told me your job.",
    ),
    _told(
        """swimming | reading | chess | football | painting | singing | dancing | cycling | hiking | cooking | fishing | tennis
        | photography | knitting | gardening | running | sailing | climbing | baking | skiing | drawing | yoga""",
        """My hobby is {value}. | In my free time I like {value}. | I enjoy {value}. | My favourite hobby is {value}.
        | My pastime is {value}. | At weekends I like {value}. | {value} is my hobby. | I really enjoy {value}.""",
        "That sounds like fun. | A good hobby. | Thank you for telling me. | I will keep that in mind.",
        """What is my hobby? | What do I like to do? | What do I do in my free time? | Do you know my hobby? | Tell me my hobby.
        | Which hobby do I have? | What was my hobby? | And what is my hobby?""",
        "Do you remember my hobby? | What do I enjoy?",
        "Your hobby is {value}. | You enjoy {value}.",
        "I do not know your hobby. | You have not told me your hobby.",
    ),
)

# Copying and repeating.

WORDS = words(
    """
    able about above add afternoon again age air alert alone also always among angle animal answer any applause apple april
    arm arrive art ask atlas aunt autumn await awake baby back bag ball band bank barefoot basket bath beach bean bear
    bearable beard beautiful bed before begin behind bell below bench best better between big bird blanket block blue board
    boat body boil bone book boot born borrow both bottle bottom bowl box boy branch brave bread break breakfast breath
    brick bridge bright bring brother brown brush build burn bus bush busy button buy cake call camera canal candle captain
    car card care carpet carry cat catch centre chair chalk change cheap check cheek cheese chest chicken child choose
    circle class clean clear clever climb clock cloth cloud coat coffee coin cold collar collect colour comb come common
    cook cool copy corn corner correct cost cotton count country cousin cover cow cross crowd cry cup curtain cut dance
    danger dark date daughter dawn day deaf dear decide deep deer depend desk different difficult dinner dirt discover dish
    dive divide doctor dog door double doubt down draw drawer dream dress drink drive drop dry duck dust each ear early earn
    earth east easy eat edge egg eight elbow empty end enjoy enough enter evening every example excitement eye face fact
    fail fall family famous far farm fast father feather feed feel fence ferry few field fight fill find fine finger finish
    fire first fish five flag flat floor flour flower fly fog fold follow food foot forest forget fork fountain four free
    fresh friend front fruit full funny garden gate gentle get gift girl give glad glance glass glove gold good grass great
    green grey ground group grow guess hair half hall hammer hand handle happy hard hat hear heart heavy help here high hill
    hobby hold hole holiday home honey hope horse hour house how hungry hurry ice idea important inside interview island
    jacket job join journey judge juice jump keep key kind kitchen knee knife knock know ladder lake lamp language large
    last late laugh leaf learn leave left leg lemon lend less lesson letter library lid lie life lift light like line lip
    listen little lively loaf lock long look lose lost loud love low luck lunch machine make many map mark market matter
    meal mean measure meat medicine meet melt message middle milk mind minute mirror miss mistake mix modern moment money
    month moon moonlight morning mother mountain mouth move much music must nail name narrow near neck need needle neighbour
    nest never new news next nice night nobody noise none north nose note nothing notice now number ocean offer office often
    oil old once one onion open orange order other outside oven over owner page paint pair palace paper parent park part
    party pass past path patient pay peace pen pencil people pepper perhaps person phone photo pick picnic picture piece
    pillow place plan plant plate play please pocket poem point polite pool poor possible post pot potato pour practice
    press pretty price print prize problem promise proud pull pupil push put puzzle queen question quick quiet rain rather
    reach read ready reason red remember rent reply rest rice rich ride right ring ripe rise river road rock roll roof room
    root rope rose rough round row rule run salad salt same sand save say school science scissors sea season seat second
    secret see seed seldom sell send sentence seven shade shake shallow shape share sharp sheep sheet shelf shell shine ship
    shirt shoe shop shore short shoulder shout show shut side sight sign silence silver simple sing sister sit six size skin
    sky sleep slow small smell smile smooth snow soap soft soil some somebody somewhere son song soon sorry sound soup south
    space speak spell spend spoil spoon sport spread spring square stage stair stamp stand star start station stay steam
    steep step stick still stone stop storm story straight strange street strong study such sudden sugar suggest suit summer
    sun sunrise supper sure suspense sweet swim switch table tail take talk tall taste teach team tell ten test text thank
    theatre thick thin thing think third thirsty three through throw ticket tidy tie time tired toast today toe together
    tomorrow tongue too tool tooth top touch tourist towel tower town toy trade train travel tree trip trouble true trust
    try turn twice two umbrella uncle under understand university until upstairs use useful valley vegetable very village
    visit voice wait wake walk wall want warm wash watch water waterfall wave way weak wear weather week weep weight well
    west wet wheel when white whole why wide wife wild win wind window wine wing winter wise wish woman wonder wood wool
    word work world worth write wrong yard year yellow yes yesterday young zebra zoo
    """
)
REPEAT = make_exchange(
    """Repeat: {words} | Repeat after me: {words} | Please repeat: {words} | Say this: {words} | Say: {words}
    | Copy this: {words} | Write this again: {words} | Repeat these words: {words} | Say "{words}". | Please say "{words}".
    | Write "{words}". | Copy: {words}""",
    'Repeat this for me: {words} | Can you write "{words}"?',
    "{words}",
)
THRICE = make_exchange(
    """Write {word} three times. | Say {word} three times. | Write the word {word} three times.
    | Say the word {word} three times. | Please write {word} three times. | Three times {word}, please.
    | Repeat {word} three times. | Please say {word} three times.""",
    "Can you write {word} three times? | Can you say {word} three times?",
    "{word} {word} {word}",
)
TWICE = make_exchange(
    """Write {word} twice. | Say {word} twice. | Write the word {word} two times. | Say the word {word} twice.
    | Please write {word} twice. | Two times {word}, please. | Repeat {word} twice. | Say {word} two times.""",
    "Can you write {word} twice? | Can you say {word} two times?",
    "{word} {word}",
)
COPYING = (REPEAT, THRICE, TWICE)

SAY_AGAIN = alternatives(
    """Say that again. | Can you say that again? | Please say that again. | Can you repeat that? | Please repeat that.
    | What did you say? | Once more, please. | Again, please. | Repeat your answer. | I did not hear you. | Pardon?
    | Could you repeat your answer? | say again | repeat that | Say it again. | repeat please | One more time, please.
    | Tell me again."""
)
SAY_AGAIN_HELD_OUT = alternatives(
    "Would you say that again? | I did not hear your answer. | Please repeat your last answer."
)
NOTHING_SAID = alternatives(
    "I have not said anything yet. | There is nothing to repeat yet. What would you like to know?"
)


# Conversations.


def small_talk(rng: random.Random) -> list[Message]:
    """One conversation of one to five turns, in the order user, assistant, user, assistant."""
    if rng.random() < 0.01:
        return [user(rng.choice(SAY_AGAIN)), assistant(rng.choice(NOTHING_SAID))]
    builders = (_chat, _telling, _telling_both, _untold, _copying, _unknown, _poem_about)
    messages = rng.choices(builders, weights=(12, 5, 2, 1, 5, 6, 1))[0](rng)
    if len(messages) <= 6 and rng.random() < 0.1:
        messages = exchange(rng, rng.choice(GREETINGS)) + messages
    if len(messages) <= 8 and rng.random() < 0.06:
        messages += [user(loosely(rng, rng.choice(SAY_AGAIN))), assistant(messages[-1]["content"])]
    if len(messages) <= 8 and rng.random() < 0.1:
        messages += exchange(rng, rng.choice((*FAREWELLS, *THANKS)))
    return messages


def aside(rng: random.Random) -> list[Message]:
    """One exchange that can stand anywhere in a conversation about other things."""
    return exchange(rng, _drawn(rng, 1)[0])


def exchange(rng: random.Random, told: Exchange, **fields: str) -> list[Message]:
    """A question of the exchange and an answer, their braces filled from `fields`."""
    if fields:
        question, answer = rng.choice(told.questions), rng.choice(told.answers)
        return [user(question.format(**fields)), assistant(answer.format(**fields))]
    return [user(loosely(rng, rng.choice(told.questions))), assistant(rng.choice(told.answers))]


_OFTEN = (*GREETINGS[:1], *THANKS[:1], *ABOUT_THE_MODEL[:5], *EVERYDAY[:2], JOKES, JOKES, JOKES, STORY, POEM)
"""What visitors say most."""


def _drawn(rng: random.Random, count: int) -> list[Exchange]:
    return [rng.choice(_OFTEN if rng.random() < 0.3 else EXCHANGES) for _ in range(count)]


def _chat(rng: random.Random) -> list[Message]:
    return [message for told in _drawn(rng, rng.choice((1, 1, 1, 2, 2, 3, 4))) for message in exchange(rng, told)]


def _typed(rng: random.Random, wording: str, value: str) -> str:
    """What is told, now and then all in small letters; the value is never misspelt."""
    said = loosely(rng, wording, spelling=False).format(value=value)
    return said.lower() if rng.random() < 0.06 else said[0].upper() + said[1:] if wording.startswith("{") else said


def _telling(rng: random.Random) -> list[Message]:
    """Something is told and asked for in the next turn or a later one; sometimes two things are."""
    picked = rng.sample(TOLD, rng.choice((1, 1, 2)))
    values = [rng.choice(told.values) for told in picked]
    messages = []
    for told, value in zip(picked, values, strict=True):
        reply = rng.choice(told.replies).format(value=value)
        said = _typed(rng, rng.choice(told.telling), value)
        messages += [user(said), assistant(reply[0].upper() + reply[1:])]
    if len(picked) == 1:
        messages += _between(rng)
    return messages + _asked_for(rng, picked, values)


_BOTH = alternatives("{one}. {other}. | {one}, and {other}. | {one} and {other}. | {one}. And {other}.")
_NOTED = alternatives(
    "Thank you for telling me. | I will keep that in mind. | Good to know. What would you like to know?"
)


def _telling_both(rng: random.Random) -> list[Message]:
    """Two things told in one message, one or both of which are asked for."""
    picked = rng.sample(TOLD, 2)
    values = [rng.choice(told.values) for told in picked]
    one, other = (
        rng.choice([wording for wording in told.telling if wording.startswith(("My ", "I "))])
        .rstrip(".")
        .format(value=value)
        for told, value in zip(picked, values, strict=True)
    )
    both = rng.choice(_BOTH)
    if "{other}" in both and ". {other}" not in both and other.startswith("My "):
        other = other[0].lower() + other[1:]
    return [
        user(loosely(rng, both, spelling=False).format(one=one, other=other)),
        assistant(rng.choice(_NOTED)),
        *_asked_for(rng, picked, values),
    ]


def _asked_for(rng: random.Random, picked: list[Told], values: list[str]) -> list[Message]:
    messages = []
    for place in rng.sample(range(len(picked)), rng.randint(1, len(picked))):
        answer = rng.choice(picked[place].answers).format(value=values[place])
        messages += [user(loosely(rng, rng.choice(picked[place].asking))), assistant(answer)]
    return messages


def _between(rng: random.Random) -> list[Message]:
    return [message for told in _drawn(rng, rng.choice((0, 0, 1, 1, 2))) for message in exchange(rng, told)]


def _untold(rng: random.Random) -> list[Message]:
    told = rng.choice(TOLD)
    return [user(loosely(rng, rng.choice(told.asking))), assistant(rng.choice(told.untold))]


def _copying(rng: random.Random) -> list[Message]:
    messages = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        phrase = " ".join(_copied(rng) for _ in range(rng.randint(1, 6)))
        messages += exchange(rng, rng.choice((REPEAT, REPEAT, THRICE, TWICE)), words=phrase, word=_copied(rng))
    return messages


def _copied(rng: random.Random) -> str:
    """A word, sometimes one that nobody has read before."""
    return (
        rng.choice(WORDS) if rng.random() < 0.7 else rng.choice((rng.choice(MADE_UP_NAMES), str(rng.randint(2, 9999))))
    )


def _unknown(rng: random.Random) -> list[Message]:
    return [message for _ in range(rng.choice((1, 1, 1, 2))) for message in unknown(rng)]


def _poem_about(rng: random.Random) -> list[Message]:
    subjects = rng.sample(tuple(POEMS), rng.choice((1, 1, 2)))
    return [
        message
        for subject in subjects
        for message in (
            user(loosely(rng, rng.choice(POEM_REQUESTS), spelling=False).format(subject=subject)),
            assistant(POEMS[subject]),
        )
    ]


# What is measured.


def held_out_small_talk() -> list[tuple[str, tuple[str, ...]]]:
    """Each wording that was never trained, with all answers that fit it."""
    return [(question, told.answers) for told in EXCHANGES for question in told.held_out]


def held_out_names_told() -> list[tuple[list[Message], str]]:
    """A name that no training text holds is told and asked for; the answer has to hold it."""
    told = TOLD[0]
    return [
        (
            [
                user(told.telling[place % len(told.telling)].format(value=name)),
                assistant(told.replies[place % len(told.replies)].format(value=name)),
                user(told.asking[place % len(told.asking)]),
            ],
            name,
        )
        for place, name in enumerate(HELD_OUT_NAMES)
    ]
