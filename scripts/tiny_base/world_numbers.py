"""Small arithmetic and number words. The words come from inflect."""

from __future__ import annotations

from collections.abc import Iterable

import inflect

from tiny_base.facts import Fact, Kind
from tiny_base.tables import capitalized

WEIGHT_OF_ARITHMETIC = 2.2
RESULTS_IN_OTHER_LANGUAGES = {
    "German": ("Das Ergebnis ist {result}.",),
    "French": ("Le résultat est {result}.",),
    "Spanish": ("El resultado es {result}.",),
    "Italian": ("Il risultato è {result}.",),
}
_english = inflect.engine()


def kinds() -> tuple[Kind, ...]:
    return (_sums(), _differences(), _products(), _words_of_numbers(), _numbers_of_words(), _numbers_after())


def _in_words(number: int) -> str:
    words = _english.number_to_words(number)
    assert isinstance(words, str)
    return words


def _facts(sign: str, calculations: Iterable[tuple[int, int, int]]) -> tuple[Fact, ...]:
    """From first number, second number and result."""
    return tuple(
        Fact(
            {
                "calculation": f"{first} {sign} {second}",
                "a": str(first),
                "b": str(second),
                "a_word": _in_words(first),
                "A_word": capitalized(_in_words(first)),
                "b_word": _in_words(second),
                "result": str(result),
            }
        )
        for first, second, result in calculations
    )


def _sums() -> Kind:
    return Kind(
        name="sum",
        subject="calculation",
        topic="numbers",
        answer="result",
        questions=(
            "What is {a} plus {b}?",
            "What is {a} + {b}?",
            "{a} + {b} = ?",
            "{a} + {b}",
            "Add {a} and {b}.",
            "How much is {a} plus {b}?",
            "What is {a_word} plus {b_word}?",
            "{A_word} plus {b_word}?",
            "{a_word} plus {b_word}",
            "What's {a_word} plus {b_word}?",
            "{a} plus {b}?",
            "What's {a} plus {b}?",
            "{a}+{b}",
            "{a}+{b}=",
            "{a}+{b}=?",
            "What's {a}+{b}?",
            "What is {a}+{b}?",
            "How much is {a}+{b}?",
            "{a} + {b} =",
            "What's {a} + {b}?",
            "What is the sum of {a} and {b}?",
            "Please add {a} and {b}.",
            "Tell me what {a} plus {b} is.",
            "Can you add {a_word} and {b_word}?",
            "Calculate {a} + {b}.",
        ),
        held_out=("Please tell me what {a} + {b} is.", "What would {a} + {b} be?", "Tell me the sum of {a} and {b}."),
        plain=("{a} plus {b} is {result}.", "{a} + {b} = {result}.", "The sum of {a} and {b} is {result}."),
        short=("{result}.",),
        statements=(
            "{a} plus {b} is {result}.",
            "{a} + {b} = {result}.",
            "The sum of {a} and {b} is {result}.",
            "If you add {a} and {b}, you get {result}.",
        ),
        continuations=(
            "And plus {b}?",
            "Plus {b}?",
            "And then plus {b}?",
            "Now add {b}.",
            "+ {b}?",
            "And {b} more?",
            "Add {b} to that.",
        ),
        follow_ups=("And {a} plus {b}?", "And {a} + {b}?", "What about {a} + {b}?"),
        checks=(
            "Is {a} plus {b} equal to {result}?",
            "Is it true that {a} + {b} = {result}?",
            "Is {a} plus {b} {result}?",
            "{a} + {b} = {result}?",
            "Is {a} + {b} = {result}?",
            "Does {a} plus {b} make {result}?",
            "Is {a}+{b} {result}?",
        ),
        foreign=RESULTS_IN_OTHER_LANGUAGES,
        facts=_facts("+", ((a, b, a + b) for a in range(11) for b in range(11))),
        weight=WEIGHT_OF_ARITHMETIC,
    )


def _differences() -> Kind:
    return Kind(
        name="difference",
        subject="calculation",
        topic="numbers",
        answer="result",
        questions=(
            "What is {a} minus {b}?",
            "What is {a} - {b}?",
            "{a} - {b} = ?",
            "{a} - {b}",
            "Subtract {b} from {a}.",
            "How much is {a} minus {b}?",
            "What is {a_word} minus {b_word}?",
            "{A_word} minus {b_word}?",
            "{a_word} minus {b_word}",
            "What's {a_word} minus {b_word}?",
            "{a} minus {b}?",
            "What's {a} minus {b}?",
            "{a}-{b}",
            "{a}-{b}=",
            "{a}-{b}=?",
            "What's {a}-{b}?",
            "What is {a}-{b}?",
            "How much is {a}-{b}?",
            "{a} - {b} =",
            "What's {a} - {b}?",
            "Take {b} away from {a}.",
            "Please subtract {b} from {a}.",
            "Tell me what {a} minus {b} is.",
            "Can you subtract {b_word} from {a_word}?",
            "Calculate {a} - {b}.",
        ),
        held_out=("Please tell me what {a} - {b} is.", "What would {a} - {b} be?", "Please calculate {a} minus {b}."),
        plain=("{a} minus {b} is {result}.", "{a} - {b} = {result}.", "If you take {b} from {a}, {result} remains."),
        short=("{result}.",),
        statements=(
            "{a} minus {b} is {result}.",
            "{a} - {b} = {result}.",
            "If you take {b} away from {a}, you get {result}.",
            "The difference of {a} and {b} is {result}.",
        ),
        continuations=(
            "And minus {b}?",
            "Minus {b}?",
            "And then minus {b}?",
            "Now take away {b}.",
            "- {b}?",
            "And {b} less?",
            "Subtract {b} from that.",
        ),
        follow_ups=("And {a} minus {b}?", "And {a} - {b}?", "What about {a} - {b}?"),
        checks=(
            "Is {a} minus {b} equal to {result}?",
            "Is it true that {a} - {b} = {result}?",
            "Is {a} minus {b} {result}?",
            "{a} - {b} = {result}?",
            "Is {a} - {b} = {result}?",
            "Does {a} minus {b} make {result}?",
            "Is {a}-{b} {result}?",
        ),
        foreign=RESULTS_IN_OTHER_LANGUAGES,
        facts=_facts("-", ((a, b, a - b) for a in range(11) for b in range(a + 1))),
        weight=WEIGHT_OF_ARITHMETIC,
    )


def _products() -> Kind:
    return Kind(
        name="product",
        subject="calculation",
        topic="numbers",
        answer="result",
        questions=(
            "What is {a} times {b}?",
            "What is {a} x {b}?",
            "{a} x {b} = ?",
            "{a} * {b}",
            "{a} x {b}",
            "What is {a} * {b}?",
            "Multiply {a} by {b}.",
            "How much is {a} times {b}?",
            "What is {a_word} times {b_word}?",
            "{A_word} times {b_word}?",
            "{a_word} times {b_word}",
            "What's {a_word} times {b_word}?",
            "{a} times {b}?",
            "What's {a} times {b}?",
            "{a}x{b}",
            "{a}x{b}=",
            "{a}x{b}=?",
            "What's {a}x{b}?",
            "What is {a}x{b}?",
            "How much is {a}x{b}?",
            "{a}*{b}",
            "{a}*{b}=",
            "{a}*{b}=?",
            "What's {a}*{b}?",
            "What is {a}*{b}?",
            "How much is {a}*{b}?",
            "{a} * {b} =",
            "What's {a} * {b}?",
            "What is the product of {a} and {b}?",
            "Please multiply {a} by {b}.",
            "Tell me what {a} times {b} is.",
            "Can you multiply {a_word} by {b_word}?",
            "Calculate {a} * {b}.",
        ),
        held_out=(
            "Please tell me what {a} x {b} is.",
            "What would {a} * {b} be?",
            "Tell me the product of {a} and {b}.",
        ),
        plain=("{a} times {b} is {result}.", "{a} x {b} = {result}.", "The product of {a} and {b} is {result}."),
        short=("{result}.",),
        statements=(
            "{a} times {b} is {result}.",
            "{a} x {b} = {result}.",
            "{a} * {b} = {result}.",
            "The product of {a} and {b} is {result}.",
            "If you multiply {a} by {b}, you get {result}.",
        ),
        continuations=(
            "And times {b}?",
            "Times {b}?",
            "And then times {b}?",
            "Now multiply by {b}.",
            "x {b}?",
            "Multiply that by {b}.",
        ),
        follow_ups=("And {a} times {b}?", "And {a} x {b}?", "What about {a} x {b}?"),
        checks=(
            "Is {a} times {b} equal to {result}?",
            "Is it true that {a} x {b} = {result}?",
            "Is {a} times {b} {result}?",
            "{a} x {b} = {result}?",
            "Is {a} x {b} = {result}?",
            "Does {a} times {b} make {result}?",
            "Is {a}x{b} {result}?",
        ),
        foreign=RESULTS_IN_OTHER_LANGUAGES,
        facts=_facts("x", ((a, b, a * b) for a in range(1, 11) for b in range(1, 11))),
        weight=WEIGHT_OF_ARITHMETIC,
    )


def _named_numbers() -> tuple[Fact, ...]:
    numbers = (*range(21), *range(30, 101, 10), 1000)
    return tuple(Fact({"number": str(number), "word": _in_words(number)}) for number in numbers)


def _words_of_numbers() -> Kind:
    return Kind(
        name="word of number",
        subject="number",
        topic="numbers",
        answer="word",
        questions=(
            "Write {number} in words.",
            "How is {number} written in words?",
            "What is {number} in words?",
            "{number} in words?",
            "Tell me the word for {number}.",
            "What is the word for the number {number}?",
            "Please write the number {number} in words.",
            "How do you spell {number}?",
            "Can you write {number} in letters?",
            "I would like to know the word for {number}.",
        ),
        held_out=("Please tell me the word for {number}.", "Can you write {number} in words?"),
        plain=('The number {number} is written "{word}".', 'In words, {number} is "{word}".'),
        short=('"{word}".',),
        statements=(
            'The number {number} is written "{word}".',
            "In words, {number} is {word}.",
            "{number} is called {word}.",
            "We say {word} and write {number}.",
        ),
        follow_ups=("And {number}?", "What about {number}?"),
        checks=(
            "Is {number} written {word}?",
            "Is {word} the word for {number}?",
            "Does one write {number} as {word}?",
        ),
        facts=_named_numbers(),
        weight=0.5,
    )


def _numbers_of_words() -> Kind:
    return Kind(
        name="number of word",
        subject="word",
        topic="numbers",
        answer="number",
        questions=(
            "Write {word} in digits.",
            "How is {word} written in digits?",
            "What is {word} in digits?",
            "The number {word} in digits?",
            "Tell me the digits of {word}.",
            "Which number is {word}?",
            "Please write the number {word} in digits.",
            "Can you write {word} as a number?",
            "I would like to know how {word} is written in digits.",
        ),
        held_out=("Can you write {word} in digits?", "Please tell me how {word} is written in digits."),
        plain=("In digits, {word} is {number}.", "The number {word} is written {number}."),
        short=("{number}.",),
        statements=(
            "In digits, {word} is {number}.",
            "The number {word} is written {number}.",
            "{number} is the number {word}.",
            "When we say {word}, we mean {number}.",
        ),
        follow_ups=("And {word}?", "What about {word}?"),
        foreign={
            "German": ("Die Zahl ist {number}.",),
            "French": ("Le nombre est {number}.",),
            "Spanish": ("El número es {number}.",),
            "Italian": ("Il numero è {number}.",),
        },
        facts=_named_numbers(),
        weight=0.5,
    )


def _numbers_after() -> Kind:
    return Kind(
        name="number after",
        subject="number_before",
        topic="numbers",
        answer="next",
        questions=(
            "Which number comes after {number_before}?",
            "What number comes after {number_before}?",
            "What comes after {number_before}?",
            "Which number follows {number_before}?",
            "Tell me the number after {number_before}.",
            "What is the next number after {number_before}?",
            "The number after {number_before}?",
            "Count on from {number_before}.",
            "Please name the number that follows {number_before}.",
        ),
        held_out=("What is the number after {number_before}?", "Do you know which number comes after {number_before}?"),
        plain=("The number after {number_before} is {next}.", "After {number_before} comes {next}."),
        short=("{next}.",),
        statements=(
            "After {number_before} comes {next}.",
            "The number after {number_before} is {next}.",
            "{next} comes after {number_before}.",
            "If you count, {next} follows {number_before}.",
        ),
        follow_ups=("And after {number_before}?", "What about {number_before}?"),
        checks=(
            "Is {next} the number after {number_before}?",
            "Does {next} come after {number_before}?",
            "Is the number after {number_before} {next}?",
        ),
        foreign={
            "German": ("Die nächste Zahl ist {next}.",),
            "French": ("Le nombre suivant est {next}.",),
            "Spanish": ("El número siguiente es {next}.",),
            "Italian": ("Il numero successivo è {next}.",),
        },
        facts=tuple(Fact({"number_before": str(number), "next": str(number + 1)}) for number in range(30)),
        weight=0.5,
    )
