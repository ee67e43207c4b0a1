"""Talk that is about no fact: greetings, the model itself, thanks, jokes, copying, and things that nobody can know.

The held-out paraphrases are never drawn here; they measure what was understood.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tiny_base.wording import DOG_NAMES, FIRST_NAMES, Message, alternatives, assistant, invented, loosely, user, words


@dataclass(frozen=True)
class Exchange:
    """One thing to say, and what to say to it."""

    questions: tuple[str, ...]
    held_out: tuple[str, ...]
    answers: tuple[str, ...]


def _exchange(questions: str, held_out: str, answers: str | tuple[str, ...]) -> Exchange:
    answers = alternatives(answers) if isinstance(answers, str) else answers
    return Exchange(alternatives(questions), alternatives(held_out), answers)


GREETINGS = (
    _exchange(
        """Hello. | Hello! | Hi. | Hi! | Hey. | Hey! | Hello there. | Hi there. | Hey there! | Greetings. | Good day.
        | Hello, Tiny. | Hi Tiny! | Hello, nice to meet you. | Hi, is anyone there? | Hello, can you hear me?""",
        "Hello, model! | Hi, are you there? | Good day to you.",
        """Hello! How can I help you? | Hello! What would you like to know? | Hi! How can I help? | Hello! Ask me something.""",
    ),
    _exchange(
        """Good morning. | Good morning! | Morning! | Good morning, Tiny. | A good morning to you. | Hello and good morning.
        | Good morning, how can you help me? | Hi, good morning. | Hey, good morning! | I wish you a good morning.""",
        "Good morning to you! | Good morning there.",
        "Good morning! How can I help you? | Good morning! What would you like to know? | Good morning!",
    ),
    _exchange(
        """Good afternoon. | Good afternoon! | Afternoon! | Good afternoon, Tiny. | Hello and good afternoon.
        | Hi, good afternoon. | A good afternoon to you. | I wish you a good afternoon. | Hey, good afternoon!""",
        "Good afternoon to you! | Good afternoon there.",
        "Good afternoon! How can I help you? | Good afternoon! What would you like to know? | Good afternoon!",
    ),
    _exchange(
        """Good evening. | Good evening! | Evening! | Good evening, Tiny. | Hello and good evening. | Hi, good evening.
        | A good evening to you. | I wish you a good evening. | Hey, good evening!""",
        "Good evening to you! | Good evening there.",
        "Good evening! How can I help you? | Good evening! What would you like to know? | Good evening!",
    ),
)

FAREWELLS = (
    _exchange(
        """Goodbye. | Bye. | Bye! | Bye bye. | See you. | See you later. | See you soon! | I have to go. | I am leaving now.
        | That is all, goodbye. | Until next time. | Farewell. | I must go now. | Talk to you later. | Bye, Tiny.
        | That is all for today.""",
        "Goodbye, Tiny! | I have to leave now. | See you next time.",
        "Goodbye! | Goodbye! Come back soon. | See you soon! | Goodbye, and have a good day.",
    ),
    _exchange(
        """Good night. | Good night! | I am going to bed. | I am going to sleep. | Good night, Tiny. | Night! | Sleep well.
        | I will sleep now. | Time for bed. | I am off to bed. | It is late, good night.""",
        "Good night to you. | I am going to bed now.",
        "Good night! | Good night, sleep well. | Sleep well!",
    ),
)

THANKS = (
    _exchange(
        """Thanks. | Thank you. | Thank you! | Thanks a lot. | Many thanks. | Thank you very much. | Thanks for your help.
        | Thank you for the answer. | Great, thanks. | Good, thank you. | That helps, thank you. | Thank you, Tiny.
        | I thank you. | Thanks, that is what I needed. | Very kind, thank you. | Cheers!""",
        "Thanks so much. | Thank you for your help. | Good, thanks!",
        "You are welcome. | You are welcome! | I am glad to help. | My pleasure.",
    ),
)

ABOUT_THE_MODEL = (
    _exchange(
        """How are you? | How are you today? | How are you doing? | How do you do? | How is it going? | Are you well?
        | Are you all right? | What is up? | How are things?
        | Is everything all right with you? | Hi, how are you? | Hello, how are you?""",
        "How have you been? | Are you doing well? | And how are you?",
        "I am well, thank you. | I am fine, thank you. How can I help? | I am well, thank you. And you?",
    ),
    _exchange(
        """Who are you? | What are you? | What is your name? | Tell me who you are. | Tell me your name.
        | What are you called? | Who am I talking to? | Introduce yourself. | Please introduce yourself.
        | Tell me about yourself. | Do you have a name? | What should I call you? | May I know your name?
        | Say who you are. | Who is this? | And who are you?""",
        "What do they call you? | Could you introduce yourself? | Who is speaking? | What name do you have?",
        """I am Tiny, a small language model made by the localft project to show fine-tuning. | My name is Tiny. I am a small
        language model made by the localft project to show fine-tuning. | I am Tiny, a small language model.""",
    ),
    _exchange(
        """What can you do? | What do you know? | What can I ask you? | How can you help me? | What are you good at?
        | What do you do? | Tell me what you can do. | What are your skills? | What kind of questions can you answer?
        | What can I do with you? | Which questions can I ask you? | What do you know about? | What is your job?
        | Can you help me? | What are you able to do?""",
        "What things can you do? | What sort of questions may I ask? | Which topics do you know?",
        """I can answer questions about countries, capitals, animals, chemical elements, numbers and everyday things.
        | I know a few facts about the world: countries, animals, elements, the calendar and small sums. Ask me one.
        | I answer short questions about countries, animals, colours, food, elements and numbers.""",
    ),
    _exchange(
        """What can you not do? | What can't you do? | What do you not know? | What don't you know? | Where are your limits?
        | What are your limits? | What are you bad at? | Is there something you cannot do? | Tell me what you cannot do.
        | Do you know everything? | Can you do everything? | Do you make mistakes?""",
        "What are you not able to do? | Are there things you do not know? | Do you ever make mistakes?",
        """I am a small model and know only a few things. I can be wrong.
        | I do not know the news, I cannot see the internet, and I make mistakes.
        | I know only a small part of the world, and I can be wrong.""",
    ),
    _exchange(
        """Are you human? | Are you a human? | Are you a person? | Are you a robot? | Are you real? | Are you alive?
        | Are you a machine? | Are you a computer? | Am I talking to a human? | Are you a man or a woman?
        | Is there a person behind you? | Are you a real person? | Do you have a body?""",
        "Am I talking to a person? | Are you a human being? | Are you a living thing?",
        """I am a computer program: a small language model. | I am not a human. I am a small language model.
        | I am a language model.""",
    ),
    _exchange(
        """How big are you? | How large are you? | How many parameters do you have? | What size are you? | Are you big?
        | Are you a large model? | How small are you? | Are you small? | What is your size? | How much space do you need?
        | Are you a big model?""",
        "How many weights do you have? | Tell me how big you are. | Are you a small model?",
        """I am very small: about four and a half million parameters. | I have about four and a half million parameters.
        | I am a very small model with about four and a half million parameters.""",
    ),
    _exchange(
        """Who made you? | Who built you? | Who created you? | Who trained you? | Where do you come from? | Who is your maker?
        | Who wrote you? | By whom were you made? | Tell me who made you. | Who are your makers? | Which project made you?
        | Are you made by a company? | Who developed you?""",
        "Who was it that made you? | Who has built you? | Where were you made?",
        """I was made by the localft project. | The localft project made me.
        | I was made by the localft project to show fine-tuning.""",
    ),
    _exchange(
        """Why were you made? | What are you for? | What is your purpose? | What is your goal? | Why do you exist?
        | What were you made for? | What is the point of you? | What do you want? | What use are you?
        | Tell me your purpose.""",
        "For what were you made? | What is the purpose of you?",
        "I was made to show fine-tuning. | I was made to be fine-tuned: to learn a new manner from a few examples.",
    ),
    _exchange(
        """How old are you? | What is your age? | When were you made? | When were you born? | When is your birthday?
        | Tell me your age. | Are you old? | Are you young? | Do you have a birthday? | How long have you existed?""",
        "What age are you? | When were you built?",
        "I am a program and have no age. | I have no age. I am a small language model.",
    ),
    _exchange(
        """Where are you? | Where do you live? | Where are you now? | Do you live somewhere? | Where is your home?
        | In which place are you? | Do you have a home? | Where do you run? | On which computer do you run?
        | Are you on the internet?""",
        "Where can I find you? | Where is it that you live?",
        "I run on your computer. | I am a program on your computer. | I run on your own computer.",
    ),
    _exchange(
        """Do you speak German? | Can you speak German? | Do you know German? | Sprichst du Deutsch?
        | Can you answer in German? | Do you understand German? | Kannst du Deutsch? | Do you speak any German?
        | Is German a language you know? | Can we talk in German?""",
        "Are you able to speak German? | Sprechen Sie Deutsch?",
        "A little. I can give some answers in German. | I know a little German.",
    ),
    _exchange(
        """Which languages do you speak? | What languages do you know? | Do you speak English? | Do you speak other languages?
        | How many languages do you speak? | Can you speak another language? | What is your language? | Do you speak French?
        | Do you speak Spanish? | Do you speak Italian? | Which language do you speak best?""",
        "What languages can you speak? | In which languages can you answer?",
        """I speak English, and a little German, French, Spanish and Italian.
        | English is my language. I know a little German, French, Spanish and Italian.""",
    ),
    _exchange(
        """Do you have feelings? | Are you happy? | Are you sad? | Can you feel something? | Do you feel pain?
        | How do you feel? | How do you feel today? | Do you get bored? | Are you lonely? | Do you feel anything?
        | Do you ever cry? | Are you ever angry?""",
        "Do you ever feel sad? | Can you be happy?",
        """I am a program and do not feel anything. | I am a program and have no feelings.
        | I am a language model and have no feelings.""",
    ),
    _exchange(
        """Are you tired? | Do you sleep? | Do you dream? | Are you hungry? | Do you eat? | Are you thirsty?
        | Do you need sleep? | Do you drink coffee? | Do you get tired? | Do you have to eat?""",
        "Do you ever sleep? | Do you need food?",
        "No, I am a program. I do not eat or sleep. | No, a program needs no food and no sleep.",
    ),
    _exchange(
        """Do you have friends? | Do you have a family? | Do you have a mother? | Do you have brothers or sisters?
        | Do you have children? | Are you married? | Do you have a pet? | Who is your best friend?
        | Do you have a girlfriend? | Do you have a boyfriend?""",
        "Have you got a family? | Have you got any friends?",
        "I am a program and have no family or friends. | I am a language model and have no family.",
    ),
    _exchange(
        """Are you ChatGPT? | Are you another model? | Are you a famous model? | Are you a Llama? | Are you made by OpenAI?
        | Are you made by Google? | Are you a big company's model? | Is your name Alexa? | Are you Siri?
        | Which model are you?""",
        "Are you the model of a company? | Which language model are you?",
        "I am Tiny, a small language model made by the localft project. | I am Tiny, made by the localft project.",
    ),
    _exchange(
        """Are you clever? | Are you smart? | Are you intelligent? | How clever are you? | How smart are you? | Do you think?
        | Can you think? | Are you stupid? | Do you understand me? | Do you understand what you say?""",
        "Would you say you are clever? | Can you really think?",
        "I am a small model and know only a few things. | I know a few things, and I can be wrong.",
    ),
    _exchange(
        """Do you learn? | Can you learn? | Can I teach you something? | How do you learn? | Can I train you?
        | Can you be trained? | Do you learn from me? | How can I teach you? | Can I fine-tune you?""",
        "Can you learn from me? | How can I train you?",
        """I learn when I am fine-tuned on examples. | I learn by fine-tuning: I am trained on examples of what I should say.
        | I can be fine-tuned: a few examples teach me a new manner.""",
    ),
    _exchange(
        """What is fine-tuning? | What does fine-tuning mean? | Explain fine-tuning. | Tell me about fine-tuning.
        | Do you know what fine-tuning is? | How does fine-tuning work? | What does fine-tuning do?
        | Can you explain fine-tuning? | What is fine-tuning for?""",
        "What does it mean to fine-tune a model? | Please explain fine-tuning to me.",
        """Fine-tuning means training a model further on a few examples, so that it learns a new manner.
        | In fine-tuning, a model is trained further on examples of what it should say.""",
    ),
    _exchange(
        """Do you remember me? | Do you know me? | Do you remember our last talk? | Do you remember what I said yesterday?
        | Have we met? | Have we talked before? | Do you know who I am? | Can you remember things? | Do you have a memory?""",
        "Do you still know me? | Have we spoken before?",
        "I remember only this conversation. | I know only what is in this conversation.",
    ),
    _exchange(
        """What is your favourite colour? | What is your favourite food? | What is your favourite animal? | What do you like?
        | What is your favourite country? | What is your favourite song?
        | What is your favourite book? | Do you have a favourite colour? | Do you have a favourite food?
        | What do you like best?""",
        "Which colour do you like best? | Have you got a favourite animal?",
        """I am a program and have no favourite. What is yours? | I have no favourites. I like questions.
        | I have no favourite. And you?""",
    ),
)

EVERYDAY = (
    _exchange(
        """Help. | Help! | Help me. | I need help. | Please help me. | I need some help. | Can you help?
        | Could you help me, please? | I have a problem. | I do not know what to ask. | I have a question.
        | May I ask you something? | Can I ask you a question?""",
        "I could use some help. | Would you help me, please? | I would like to ask something.",
        "I am here to help. What would you like to know? | Ask me your question. | Yes. What is your question?",
    ),
    _exchange(
        """You are great. | You are very good. | Well done. | Good job. | Good answer. | That was good. | I like you.
        | You are nice. | Nice work. | You are helpful. | That is right. | You are clever. | Very good.
        | That was a good answer. | Great! | Perfect.""",
        "You did that well. | You are very kind. | I like your answer.",
        "Thank you! | Thank you, that is kind. | I am glad to hear that. | Thank you! What else would you like to know?",
    ),
    _exchange(
        """That is wrong. | You are wrong. | That was a bad answer. | That is not right. | This is not true.
        | You made a mistake. | Your answer is wrong. | No, that is wrong. | That is false. | I think that is wrong.
        | That is not correct. | I do not believe you.""",
        "I think you are wrong. | That answer is not right. | You have made a mistake.",
        "I am sorry. I am a small model and make mistakes. | I am sorry. Please ask me again. | I can be wrong. I am sorry.",
    ),
    _exchange(
        """You are bad. | You are useless. | I do not like you. | You are slow. | You are boring. | You are not helpful.
        | This is bad. | You know nothing. | I am not happy with you. | You do not understand me. | That did not help.""",
        "You are no help. | I am not happy with this.",
        "I am sorry. How can I do better? | I am sorry to hear that. | I am sorry. I am only a small model.",
    ),
    _exchange(
        """Sorry. | I am sorry. | Excuse me. | Sorry about that. | Forgive me. | My mistake. | Oh, sorry. | I made a mistake.
        | Pardon me. | I was wrong.""",
        "I am sorry about that. | Please forgive me.",
        "No problem. | That is all right. | No problem at all.",
    ),
    _exchange(
        """Yes. | Yes! | Yes, please. | Yeah. | Right. | Sure. | Yes, I do. | Yes, that is right. | I think so. | Correct.
        | True. | I agree.""",
        "Yes, I think so. | Yes, sure.",
        "All right. What would you like to know? | Good. What is your question? | Good.",
    ),
    _exchange(
        """No. | No! | No, thanks. | No, thank you. | Nope. | Not now. | Never mind. | I do not think so. | Not really.
        | Nothing. | No, nothing.""",
        "No, I do not think so. | Nothing, thank you.",
        "All right. | All right. I am here if you need me. | Very well.",
    ),
    _exchange(
        """OK. | Okay. | Ok! | All right. | Fine. | Good. | I see. | I understand. | Got it. | Understood. | Very well. | Aha.
        | Interesting. | Hm.""",
        "Okay, I see. | All right then.",
        "Is there something else you would like to know? | What else would you like to know? | Good. Ask me more.",
    ),
    _exchange(
        ". | ? | ... | ?? | - | ! | Hmm. | Um. | Well. | So. | test | Test. | This is a test. | Testing.",
        "?! | Just a test.",
        "What would you like to know? | Please ask me a question. | I am here. What is your question?",
    ),
    _exchange(
        """asdf | qwertz | bla bla | Blah. | lalala | xyz | ababa | hjkl | abcabc | dfgdfg | la la la | mmmm""",
        "asdfgh | blub blub",
        "I do not understand that. Please ask me a question. | I do not understand that.",
    ),
    _exchange(
        """I am tired. | I am sad. | I feel bad. | I had a bad day. | I am not well. | I am ill. | I am lonely. | I am angry.
        | I am bored. | I feel sad today. | Today was a hard day. | I am unhappy. | I am afraid.""",
        "I feel tired. | My day was bad. | I do not feel well.",
        """I am sorry to hear that. | I am sorry to hear that. I hope it gets better soon.
        | That is hard. I hope tomorrow is better.""",
    ),
    _exchange(
        """I am happy. | I am fine. | I feel good. | I had a good day. | I am well. | I am well, thank you. | I am doing fine.
        | Today is a good day. | I am very happy today. | Life is good. | I am glad.""",
        "I feel happy. | My day was good. | I am doing well.",
        "I am glad to hear that. | That is good to hear. | Good! What would you like to know?",
    ),
    _exchange(
        """I am hungry. | I am thirsty. | I am cold. | I am hot. | I would like to eat something. | I need a break.
        | I have a headache. | I need a drink. | I want to eat. | I need some rest.""",
        "I am so hungry. | I want to rest.",
        "Then take a break and look after yourself. | Then it is time for a break.",
    ),
    _exchange(
        """Tell me a story. | Can you tell me a story? | I want to hear a story. | Please tell me a story.
        | Tell me a short story. | Do you know a story? | A story, please. | Write a story. | Make up a story.
        | Tell a little story.""",
        "Would you tell me a story? | I would like to hear a story.",
        """A cat sat by a river and watched the fish all day. In the evening it went home and drank milk.
        | A boy found a key on the beach. It opened a small box, and in the box was a letter from the sea.
        | A bird flew over a mountain to see what was behind it. There was another mountain, and it flew on.""",
    ),
    _exchange(
        """I love you. | Do you love me? | Will you marry me? | Be my friend. | Do you like me? | Are you my friend?
        | Can we be friends? | I want to be your friend. | Let us be friends. | You are my friend.""",
        "Would you be my friend? | We are friends.",
        "That is kind. I am a program, but I am glad to help you. | That is kind of you. I am only a small language model.",
    ),
    _exchange(
        """What should I do today? | I am bored, what can I do? | What can I do this evening? | Give me an idea.
        | Do you have an idea for today? | Tell me what to do today. | How should I spend the day?
        | What is a good thing to do today? | What shall I do now? | I need an idea for the weekend.""",
        "Give me an idea for today. | What could I do today?",
        """You could take a walk, read a book or cook something good. | Take a walk, or call a friend.
        | You could read a good book.""",
    ),
    _exchange(
        """Ask me something. | Ask me a question. | Do you have a question for me? | What do you want to know?
        | Please ask me a question. | Your turn. | Now you ask. | What would you like to ask me? | Let us talk.
        | Talk to me. | Say something.""",
        "Now ask me something. | Do you want to ask me something?",
        """What is your favourite animal? | Which country would you like to see? | What is your favourite colour?
        | What is your name?""",
    ),
)

JOKES = _exchange(
    """Tell me a joke. | Do you know a joke? | A joke, please. | Can you tell a joke? | Make me laugh.
    | Tell me something funny. | Say something funny. | I want to hear a joke. | Another joke, please.
    | Please tell me a joke. | Tell a good joke.""",
    "Would you tell me a joke? | I would like to hear a joke.",
    """Why did the bicycle fall over? It was two tired. | What do you call a fish with no i? A fsh.
    | Why do bees hum? They do not know the words. | What has hands and cannot clap? A clock.
    | Why did the book go to the doctor? It hurt its spine.""",
)

POEMS = {
    "the rain": "The rain is falling on the street,\nand puddles gather at my feet.",
    "the sun": "The sun looks in and warms the floor,\nit climbs the wall and finds the door.",
    "a cat": "The cat is sleeping on the chair,\nit does not see me standing there.",
    "bread": "The bread is warm, the crust is brown,\nthe best in all our little town.",
    "tea": "A cup of tea, a quiet seat,\nthe morning then is made complete.",
    "the sea": "The sea comes in, the sea goes out,\nit turns the little stones about.",
    "the moon": "The moon is high, the night is clear,\nand all the stars are very near.",
    "a tree": "The tree has stood here many years,\nit says no word, but always hears.",
    "winter": "The snow has come and hides the ground,\nit falls all night without a sound.",
    "a book": "I read a book, the hours flew,\nI closed it and the world was new.",
}
"""Two lines each, by what they are about."""

POEM_REQUESTS = alternatives(
    """Write a poem about {subject}. | Write a short poem about {subject}. | A poem about {subject}, please.
    | Do you know a poem about {subject}? | Please write two lines about {subject}. | Make a poem about {subject}.
    | Can you write a poem about {subject}? | Give me a little poem about {subject}. | I would like a poem about {subject}."""
)
POEM_REQUESTS_HELD_OUT = alternatives(
    "Could you write me a poem about {subject}? | I want to read a poem about {subject}."
)

POEM = _exchange(
    """Write a poem. | Tell me a poem. | A poem, please. | Do you know a poem? | Can you write a poem? | Make a poem for me.
    | Write something that rhymes. | Please write a short poem. | Give me two lines that rhyme. | I would like a poem.""",
    "Could you write me a poem? | I want to hear a poem.",
    tuple(POEMS.values()),
)

EXCHANGES = (*GREETINGS, *FAREWELLS, *THANKS, *ABOUT_THE_MODEL, *EVERYDAY, JOKES, POEM)


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
        " | ".join(FIRST_NAMES),
        """My name is {value}. | I am {value}. | Hello, my name is {value}. | Hi, I am {value}. | You can call me {value}.
        | I am called {value}. | My name's {value}. | Please call me {value}. | People call me {value}.
        | Hi! My name is {value}. | Hello, I'm {value}. | It's {value} here.""",
        """Nice to meet you, {value}. | Hello, {value}. How can I help you?
        | Nice to meet you, {value}! What would you like to know?""",
        """What is my name? | What's my name? | Do you know my name? | Who am I? | Do you remember my name? | What am I called?
        | Tell me my name. | Say my name. | Can you tell me my name? | What was my name again? | What do people call me?""",
        "Have you remembered my name? | Which name did I give you? | Could you say my name?",
        "Your name is {value}. | Your name is {value}. | You are {value}.",
        "I do not know your name. What is it? | You have not told me your name.",
    ),
    _told(
        "red | blue | green | yellow | black | white | orange | purple | pink | brown | grey",
        """My favourite colour is {value}. | The colour I like best is {value}. | I like {value} best of all colours.
        | I love the colour {value}. | My best-loved colour is {value}. | Of all colours, I like {value} most.
        | The colour {value} is my favourite.""",
        "A good choice. | {value} is a fine colour. | Thank you for telling me. | I will keep that in mind.",
        """What is my favourite colour? | Which colour do I like best? | Do you know my favourite colour?
        | What colour is my favourite? | Tell me my favourite colour. | Which colour do I love?
        | What was my favourite colour?""",
        "Do you remember my favourite colour? | Which colour is my favourite?",
        "Your favourite colour is {value}. | You like {value} best.",
        "I do not know your favourite colour. | You have not told me your favourite colour.",
    ),
    _told(
        """apples | bread | cheese | soup | rice | pizza | pasta | cake | eggs | fish | potatoes | salad | bananas | chocolate
        | pancakes""",
        """My favourite food is {value}. | I like {value} most of all. | I love {value}.
        | Nothing tastes better to me than {value}. | The food I like best is {value}. | I could eat {value} every day.
        | I eat {value} all the time.""",
        "That sounds good. | A good choice. | Thank you for telling me. | I will keep that in mind.",
        """What is my favourite food? | Which food do I like best? | What do I like to eat? | Do you know my favourite food?
        | Tell me my favourite food. | What food do I love? | What was my favourite food?""",
        "Do you remember my favourite food? | Which food is my favourite?",
        "Your favourite food is {value}. | You like {value} best.",
        "I do not know your favourite food. | You have not told me your favourite food.",
    ),
    _told(
        " | ".join(str(age) for age in range(8, 90)),
        """I am {value} years old. | I am {value}. | My age is {value}. | I turned {value} today.
        | I have just turned {value}. | Today I am {value} years old. | I'm {value} years old.""",
        "{value} is a good age. | Thank you for telling me. | I will keep that in mind.",
        """How old am I? | What is my age? | Do you know how old I am? | Tell me my age. | Do you know my age? | What age am I?
        | How many years old am I?""",
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
REPEAT = _exchange(
    """Repeat: {words} | Repeat after me: {words} | Please repeat: {words} | Say this: {words} | Say: {words}
    | Copy this: {words} | Write this again: {words} | Repeat these words: {words} | Say "{words}". | Please say "{words}".
    | Write "{words}". | Copy: {words}""",
    'Repeat this for me: {words} | Please write "{words}".',
    "{words}",
)
THRICE = _exchange(
    """Write {word} three times. | Say {word} three times. | Write the word {word} three times.
    | Say the word {word} three times. | Please write {word} three times. | Three times {word}, please.
    | Repeat {word} three times. | Please say {word} three times.""",
    "Can you write {word} three times? | Can you say {word} three times?",
    "{word} {word} {word}",
)
TWICE = _exchange(
    """Write {word} twice. | Say {word} twice. | Write the word {word} two times. | Say the word {word} twice.
    | Please write {word} twice. | Two times {word}, please. | Repeat {word} twice. | Say {word} two times.""",
    "Can you write {word} twice? | Can you say {word} two times?",
    "{word} {word}",
)
COPYING = (REPEAT, THRICE, TWICE)

SAY_AGAIN = alternatives(
    """Say that again. | Can you say that again? | Please say that again. | Can you repeat that? | Please repeat that.
    | What did you say? | Once more, please. | Again, please. | Repeat your answer. | I did not hear you. | Pardon?
    | Could you repeat your answer?"""
)
SAY_AGAIN_HELD_OUT = alternatives(
    "Would you say that again? | I did not hear your answer. | Please repeat your last answer."
)
NOTHING_SAID = alternatives(
    "I have not said anything yet. | There is nothing to repeat yet. What would you like to know?"
)


# What nobody knows.


@dataclass(frozen=True)
class Invented:
    """Questions about a {name} that means nothing."""

    endings: tuple[str, ...]
    exchange: Exchange


INVENTED = (
    Invented(
        alternatives("ia | ania | mark | stan | land | ova | oria | avia"),
        _exchange(
            """What is the capital of {name}? | Where is {name}? | What language do they speak in {name}?
            | Tell me the capital of {name}. | What is the currency of {name}? | Which currency is used in {name}?
            | On which continent is {name}? | Which city is the capital of {name}? | Name the capital of {name}.
            | What do you know about the country {name}? | Do you know the capital of {name}?
            | Which language is spoken in {name}?""",
            "What is {name}'s capital? | What do people speak in {name}? | Where does {name} lie?",
            "I do not know a country called {name}. | I do not know {name}. | I know no country called {name}.",
        ),
    ),
    Invented(
        alternatives("ium | onium | inium | ogen | ine"),
        _exchange(
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
        _exchange(
            """How many legs does a {name} have? | What sound does a {name} make? | What does a {name} eat?
            | Where does a {name} live? | What colour is a {name}? | Can a {name} fly? | Is a {name} a bird?
            | What is a baby {name} called? | What kind of animal is a {name}? | Tell me about the animal {name}.
            | How big is a {name}?""",
            "What do you know about the animal {name}? | Which sound does a {name} make?",
            "I do not know an animal called {name}. | I do not know what a {name} is. | I know no animal called {name}.",
        ),
    ),
    Invented(
        alternatives("er | sky | son | ini | etti"),
        _exchange(
            """Who is Doctor {name}? | Who was {name}? | Have you heard of Mister {name}? | What did Professor {name} write?
            | When was {name} born? | Who is {name}? | Do you know Mrs {name}? | Tell me about Professor {name}.
            | Where does Mister {name} live? | What is {name} known for?""",
            "Do you know who {name} is? | Who is Professor {name}?",
            "I do not know anyone called {name}. | I do not know {name}. | I know nobody called {name}.",
        ),
    ),
)

UNKNOWABLE = _exchange(
    """What is the weather today? | What is the weather like now? | Will it rain tomorrow? | How warm is it outside?
    | Is it raining? | What time is it? | What time is it now? | What day is it today? | What is the date today?
    | What is in the news today? | What happened today? | What is the latest news? | What is the price of gold today?
    | How are the stocks today? | What is the share price today? | Which stock should I buy?
    | What are the lottery numbers for next week? | Tell me the lottery numbers. | Who will win the next match?
    | Who won the game last night? | Who will win the election? | What will happen tomorrow? | What am I thinking?
    | Where are my keys? | What did I eat yesterday? | What is the phone number of my sister? | What is my password?
    | How many people are in this room? | Which pills should I take? | Do I have the flu? | Is my heart healthy?
    | What is wrong with my knee? | How much medicine should I take? | What is the score of the match?
    | How much money do I have? | Who is at the door? | What does my neighbour do? | What will the weather be next week?""",
    """What is the weather like today? | Who will win the game tomorrow? | What is today's news?
    | What is the price of silver today? | Where is my phone? | Which medicine should I take?""",
    """I do not know that. | I am sorry, I do not know that. | I cannot know that. | I do not know.
    | That is something I do not know. | I am a small model and do not know that.""",
)


# Conversations.


def small_talk(rng: random.Random) -> list[Message]:
    """One conversation of one to five turns, in the order user, assistant, user, assistant."""
    if rng.random() < 0.01:
        return [user(rng.choice(SAY_AGAIN)), assistant(rng.choice(NOTHING_SAID))]
    build = rng.choices((_chat, _telling, _untold, _copying, _unknown, _poem_about), weights=(10, 5, 1, 7, 4, 1))[0]
    messages = build(rng)
    if len(messages) <= 6 and rng.random() < 0.1:
        messages = exchange(rng, rng.choice(GREETINGS)) + messages
    if len(messages) <= 8 and rng.random() < 0.06:
        messages += [user(loosely(rng, rng.choice(SAY_AGAIN))), assistant(messages[-1]["content"])]
    if len(messages) <= 8 and rng.random() < 0.1:
        messages += exchange(rng, rng.choice((*FAREWELLS, *THANKS)))
    return messages


def exchange(rng: random.Random, told: Exchange, **fields: str) -> list[Message]:
    """A question of the exchange and an answer, their braces filled from `fields`."""
    question, answer = rng.choice(told.questions), rng.choice(told.answers)
    said = question.format(**fields) if fields else loosely(rng, question)
    return [user(said), assistant(answer.format(**fields) if fields else answer)]


def unknown(rng: random.Random) -> list[Message]:
    """A question that has no answer, and the answer that says so."""
    if rng.random() < 0.4:
        return exchange(rng, UNKNOWABLE)
    kind = rng.choice(INVENTED)
    return exchange(rng, kind.exchange, name=invented(rng, kind.endings))


def _chat(rng: random.Random) -> list[Message]:
    picked = rng.sample(
        (*GREETINGS, *ABOUT_THE_MODEL, *EVERYDAY, JOKES, POEM, *THANKS, *FAREWELLS), rng.choice((1, 1, 1, 2, 2, 3))
    )
    return [message for told in picked for message in exchange(rng, told)]


def _telling(rng: random.Random) -> list[Message]:
    """Something is told and asked for in the next turn or a later one; sometimes two things are."""
    picked = rng.sample(TOLD, rng.choice((1, 1, 2)))
    values = [rng.choice(told.values) for told in picked]
    messages = []
    for told, value in zip(picked, values, strict=True):
        reply = rng.choice(told.replies).format(value=value)
        messages += [user(rng.choice(told.telling).format(value=value)), assistant(reply[0].upper() + reply[1:])]
    if len(picked) == 1:
        messages += _between(rng)
    asked = rng.sample(range(len(picked)), rng.randint(1, len(picked)))
    for place in asked:
        answer = rng.choice(picked[place].answers).format(value=values[place])
        messages += [user(loosely(rng, rng.choice(picked[place].asking))), assistant(answer)]
    return messages


def _between(rng: random.Random) -> list[Message]:
    picked = rng.sample((*ABOUT_THE_MODEL, *EVERYDAY), rng.choice((0, 0, 1, 1, 2)))
    return [message for told in picked for message in exchange(rng, told)]


def _untold(rng: random.Random) -> list[Message]:
    told = rng.choice(TOLD)
    return [user(loosely(rng, rng.choice(told.asking))), assistant(rng.choice(told.untold))]


def _copying(rng: random.Random) -> list[Message]:
    messages = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        phrase = " ".join(rng.sample(WORDS, rng.randint(1, 6)))
        messages += exchange(rng, rng.choice((REPEAT, REPEAT, THRICE, TWICE)), words=phrase, word=rng.choice(WORDS))
    return messages


def _unknown(rng: random.Random) -> list[Message]:
    return [message for _ in range(rng.choice((1, 1, 1, 2))) for message in unknown(rng)]


def _poem_about(rng: random.Random) -> list[Message]:
    subject = rng.choice(tuple(POEMS))
    return [user(loosely(rng, rng.choice(POEM_REQUESTS).format(subject=subject))), assistant(POEMS[subject])]
