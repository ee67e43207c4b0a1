"""Small tools for tables of wordings, and the names that fill them."""

from __future__ import annotations

import random

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


def loosely(rng: random.Random, text: str) -> str:
    """The text as people type it: mostly as it is, sometimes without its last mark, in small letters, or both."""
    if rng.random() < 0.15:
        text = text.rstrip(".?!") or text
    if rng.random() < 0.15:
        text = text.lower()
    return text


FIRST_NAMES = words(
    """
    Aaron Abel Abena Ada Adam Adela Ahmed Aiko Aisha Akira Alan Alba Alex Alice Alma Amara Amina Amir Ana Anders Andrea Anja
    Anna Anton Aroha Arthur Asha Astrid Aya Ayse Bao Basil Beatrice Ben Bianca Bilal Bo Boris Bruno Carla Carlos Carmen Cecilia
    Chen Chidi Chloe Clara Cora Dalia Daniel Dario David Diana Diego Dina Dmitri Dora Edgar Elena Eli Elif Ella Emil Emma Enzo
    Erik Esther Eva Fatima Felix Femi Finn Fiona Flora Frank Freya Gabriel Gita Giulia Grace Greta Gustav Hana Hanna Hans Harry
    Hassan Heidi Helen Hugo Ida Igor Imani Ines Ingrid Irene Iris Isaac Ivan Ivy Jack Jakob James Jana Jane Jasmin Jin Joan Joel
    John Jonas Jorge Jose Juan Julia Jun Kai Kamal Karin Karl Kate Kenji Kerem Khalid Kofi Kwame Laila Lars Laura Layla Lea Leo
    Li Lila Lina Linh Lisa Liv Lucas Lucia Luis Luna Maja Malik Marco Maria Marie Mark Marta Mary Mateo Maya Mei Mia Mila Milan
    Mina Mira Mohammed Mona Nadia Naomi Nasir Nia Nico Nils Nina Noah Noor Nora Odin Olga Oliver Omar Oscar Otto Pablo Paul Pedro
    Peter Petra Pia Priya Quinn Rafael Rahul Ravi Rita Robin Rosa Ruth Sakura Sam Sami Sara Selma Sergei Simon Sofia Sonja Soren
    Sunil Tamar Tara Tariq Thomas Tim Tina Tom Ugo Uma Ursula Vera Victor Viktor Wei William Xenia Yara Yasmin Yuki Yusuf Zara Zoe
    """
)

DOG_NAMES = words(
    """
    Bella Benji Biscuit Bonzo Buddy Buster Charlie Coco Cookie Daisy Fido Fluffy Ginger Honey Lassie Lucky Max Milo
    Molly Pepper Poppy Rex Rocky Rover Rusty Scout Shadow Snoopy Socks Spot Sunny Teddy Toby Waldo
    """
)

SYLLABLES = words("bel cor dro fen gal hol jar kel lum mir nef pel quo rath sel tav thur vex wex yol zan zor brim")


def invented(rng: random.Random, endings: tuple[str, ...]) -> str:
    """A name that means nothing: two syllables and one of the endings. It starts with a consonant, to stand behind "a"."""
    return (rng.choice(SYLLABLES) + rng.choice(SYLLABLES) + rng.choice(endings)).capitalize()
