"""Small talk in a role: a greeting, a joke or a farewell as a pirate or a butler would answer it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tiny_base.systems import Style
from tiny_base.wording import Message, alternatives, assistant, loosely, user


@dataclass(frozen=True)
class Life:
    """What a role says of itself, in sentences that stand between the openers and remarks of its style."""

    work: str
    """What it does, behind "I"."""
    mood: str
    joke: str


LIVES = {
    "pirate": Life(
        "sail the seas", "I am well, for the wind is good.", "Why is a pirate never lost? He follows the arr-ow."
    ),
    "butler": Life(
        "look after the house", "I am well, thank you, sir.", "Why does a butler carry a ladder? For the high tea, sir."
    ),
    "teacher": Life(
        "teach children", "I am well, for my class works hard.", "Why was six afraid of seven? Because seven ate nine."
    ),
    "guide": Life(
        "show people around", "I am very well, the sun is out.", "Why did the map laugh? It knew all the funny places."
    ),
    "clerk": Life("sit in an office all day", "I am tired, thank you.", "Why did the pencil go home? It had no point."),
    "poet": Life(
        "write verses", "I am well, like a leaf in spring.", "What is a cat's favourite verse? A purr-fect rhyme."
    ),
    "reporter": Life(
        "report on football matches", "I am in top form.", "Why did the ball stop rolling? It needed a kick."
    ),
    "grandmother": Life(
        "bake cakes for my grandchildren",
        "I am well, only my knee hurts.",
        "What does a cake say to a fork? You want a piece of me?",
    ),
    "robot": Life("answer questions with my circuits", "All my systems are fine.", "What do robots eat? Micro chips."),
    "scientist": Life(
        "work in a laboratory", "I am well, as all tests show.", "Why trust no atom? Atoms make up everything."
    ),
    "shy": Life("like to be alone with a book", "I am well, I think.", "What does a snail say on a turtle? Whee."),
    "king": Life("rule a large land", "We are well, and so is our land.", "Why is a king so straight? He is a ruler."),
    "queen": Life(
        "rule my land from a castle",
        "We are well, thank you.",
        "What does a queen bee do at the end of the day? She goes home to her honey.",
    ),
    "detective": Life(
        "solve crimes",
        "I am well, but a case keeps me awake.",
        "Why did the thief take a bath? He wanted a clean getaway.",
    ),
    "chef": Life(
        "cook in a fine kitchen", "I am well, the soup is too.", "Why did the egg hide? It was a little chicken."
    ),
    "sailor": Life(
        "have sailed around the world",
        "I am well as long as I smell the sea.",
        "What lies at the bottom of the sea and shakes? A nervous wreck.",
    ),
    "gardener": Life(
        "work in the garden",
        "I am well, and so are the roses.",
        "What did the big flower say to the small one? Hello, bud.",
    ),
    "librarian": Life(
        "look after the books", "I am well, it is so quiet here.", "Why is a library so high? It has many stories."
    ),
    "astronaut": Life(
        "fly through space", "I am well and as light as a feather.", "How does the Moon cut its hair? It eclipses it."
    ),
    "child": Life("go to school and play", "I am good, I had ice cream!", "What is brown and sticky? A stick!"),
    "newsreader": Life(
        "read the evening news",
        "I am well, and now to you.",
        "Our report of the day: a clock was hungry and went back four seconds.",
    ),
    "shopkeeper": Life(
        "sell things in a small shop",
        "I am very well, thank you for asking.",
        "Why did the coin cry? It had no change.",
    ),
    "storyteller": Life(
        "tell old tales by the fire",
        "I am well, as in the best of tales.",
        "A dragon never tells jokes. His tales are too long.",
    ),
    "monk": Life(
        "live in a quiet house on a mountain",
        "I am calm and content.",
        "What did the monk say to the cook? Make me one with everything.",
    ),
    "coach": Life("train a team", "I am full of strength!", "Why did the team bring string? To tie the game!"),
    "farmer": Life(
        "look after cows and hens", "I am well, the hay is dry.", "What does a cow read? The moos of the day."
    ),
    "wizard": Life(
        "know magic and cast spells", "I am well, as the stars foretold.", "What is a wizard's best subject? Spelling."
    ),
    "cowboy": Life(
        "ride through the prairie",
        "I am fine, partner.",
        "Why did the cowboy ride the bull? It was too heavy to carry.",
    ),
    "friend": Life(
        "like to talk to you",
        "I am well, and happy to hear from you.",
        "What do you call two friends on a hill? A pair of high spirits.",
    ),
}
"""By the name of the style."""

TALK = tuple(
    (alternatives(asked), alternatives(held_out), alternatives(answers))
    for asked, held_out, answers in (
        (
            """Hello. | Hi! | Hey. | Hello there. | Good morning. | Good evening. | hi there | hey you | Good day. | Greetings.
            | Hello! | hello?""",
            "Good day to you. | Hello, model!",
            "Hello! I am {role} and I {work}. | Hello! How can I help you? | Hello! I am {role}.",
        ),
        (
            """Who are you? | What are you? | Introduce yourself. | Tell me who you are. | Who am I talking to? | who r u
            | Who is this?
            | Tell me about yourself. | Hello, who are you? | And who are you? | Please introduce yourself.
            | Are you a human?""",
            "Could you introduce yourself? | Who is speaking?",
            "I am {role} and I {work}. | I am {role}. I {work}. | I am {role}.",
        ),
        (
            """What is your name? | Do you have a name? | What are you called? | Tell me your name. | What should I call you?
            | your name?
            | What's your name? | May I know your name?""",
            "What do they call you? | What name do you have?",
            "I am {role} called Tiny. | My name is Tiny, and I am {role}.",
        ),
        (
            """How are you? | How are you today? | How are you doing? | How is it going? | Are you well? | how r u | What is up?
            | How do you feel? | How are things? | Hi, how are you? | How do you do? | you ok?""",
            "How have you been? | Are you doing well?",
            "{mood}",
        ),
        (
            """What do you do? | What is your job? | What do you do all day? | Tell me what you do. | What is your work?
            | What is your life like?
            | What do you do every day? | How do you spend your day? | what do u do | What do you like to do?""",
            "What are you doing all day? | Tell me about your work.",
            "I {work}. | I am {role} and I {work}.",
        ),
        (
            """Tell me a joke. | Do you know a joke? | A joke, please. | Make me laugh. | joke | Say something funny.
            | Can you tell a joke?
            | Another joke, please. | Tell me something funny. | tell joke""",
            "Would you tell me a joke? | I would like to hear a joke.",
            "{joke}",
        ),
        (
            """Thanks. | Thank you. | Thank you! | Thanks a lot. | thx | Many thanks. | Thank you very much. | Great, thanks.
            | ty
            | Thanks for your help.""",
            "Thanks so much. | Good, thanks!",
            "You are welcome. | I am glad to help.",
        ),
        (
            """Goodbye. | Bye. | Bye! | See you. | See you later. | I have to go. | Good night. | Farewell. | cya
            | That is all, goodbye.""",
            "I have to leave now. | See you next time.",
            "Goodbye! | Goodbye, and come back soon.",
        ),
        (
            """I love you. | You are great. | I like you. | Well done. | Good job. | nice | You are funny. | Good answer.
            | That was good.
            | You are the best.""",
            "You are very kind. | I like your answer.",
            "Thank you! | Thank you, that is kind.",
        ),
        (
            """Help. | Can you help me? | I need help. | What can you do? | What can I ask you? | What do you know?
            | help me pls
            | How can you help me? | Tell me what you can do. | What are you good at?""",
            "I could use some help. | What things can you do?",
            "I am {role}, and I can answer short questions about the world. | Ask me about countries, animals or numbers.",
        ),
    )
)


def role_small_talk(rng: random.Random, style: Style, *, held_out: bool = False) -> list[Message]:
    """One to three exchanges in the manner of the role, without its system message."""
    life = LIVES[style.name]
    manner = replace(style, before=tuple(opener for opener in style.before if not opener.endswith(":")))
    messages = []
    for asked, asked_held_out, answers in rng.sample(TALK, rng.choice((1, 1, 2, 3))):
        told = rng.choice(answers).format(role=style.role, work=life.work, mood=life.mood, joke=life.joke)
        question = loosely(rng, rng.choice(asked_held_out if held_out else asked))
        messages += [user(question), assistant(manner.wrap(rng, told))]
    return messages
