"""Chemical elements: symbol, number, sort and state. Names, symbols and numbers come from periodictable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import periodictable

from tiny_base.facts import Fact, Kind
from tiny_base.tables import capitalized, possessive

KNOWN_BEYOND_BARIUM = ["W", "Pt", "Au", "Hg", "Pb", "Bi", "Rn", "Ra", "U", "Pu"]
BRITISH = {"aluminum": "aluminium", "cesium": "caesium", "sulfur": "sulphur"}
AMERICAN = {british: american for american, british in BRITISH.items()}

GASES = {"H", "He", "N", "O", "F", "Ne", "Cl", "Ar", "Kr", "Xe", "Rn"}
LIQUIDS = {"Br", "Hg"}
NONMETALS = GASES | {"C", "P", "S", "Se", "Br", "I"}
SORT_DISPUTED = {"Se"}
METALLOIDS = {"B", "Si", "Ge", "As", "Sb", "Te"}


@dataclass(frozen=True)
class Element:
    name: str
    symbol: str
    number: int

    def fields(self) -> dict[str, str]:
        return {
            "element": self.name,
            "Element": capitalized(self.name),
            "elements": possessive(self.name),
            "symbol": self.symbol,
            "number": str(self.number),
            "state": self._state(),
            "sort": self._sort(),
        }

    def as_americans_spell_it(self) -> Element:
        return replace(self, name=AMERICAN[self.name])

    def _state(self) -> str:
        """At room temperature."""
        if self.symbol in GASES:
            return "gas"
        return "liquid" if self.symbol in LIQUIDS else "solid"

    def _sort(self) -> str:
        if self.symbol in NONMETALS:
            return "nonmetal"
        return "metalloid" if self.symbol in METALLOIDS else "metal"


def elements() -> tuple[Element, ...]:
    """Hydrogen to barium, and the better known ones behind it."""
    listed = [element for element in periodictable.elements if element.number > 0]
    return tuple(
        Element(BRITISH.get(element.name, element.name), element.symbol, element.number)
        for element in listed
        if element.number <= 56 or element.symbol in KNOWN_BEYOND_BARIUM
    )


def kinds() -> tuple[Kind, ...]:
    known = elements()
    called = (*known, *(element.as_americans_spell_it() for element in known if element.name in AMERICAN))
    return (
        _symbol_of_element(called),
        _element_of_symbol(known),
        _number_of_element(called),
        _sort_of_element(known),
        _state_of_element(known),
    )


def _facts(known: Iterable[Element]) -> tuple[Fact, ...]:
    return tuple(Fact(element.fields()) for element in known)


def _symbol_of_element(known: Iterable[Element]) -> Kind:
    return Kind(
        name="symbol of element",
        subject="element",
        topic="chemistry",
        answer="symbol",
        questions=(
            "What is the chemical symbol of {element}?",
            "What is the chemical symbol for {element}?",
            "What is the symbol of {element}?",
            "Tell me the symbol of {element}.",
            "Symbol of {element}?",
            "{Element}: symbol?",
            "Which symbol does {element} have?",
            "Please name the chemical symbol of {element}.",
            "Do you know the symbol for {element}?",
            "Which chemical symbol stands for {element}?",
            "How is {element} written in chemistry?",
            "What is {elements} chemical symbol?",
        ),
        held_out=(
            "Do you know the chemical symbol of {element}?",
            "Please tell me the symbol for {element}.",
            "Which chemical symbol does {element} have?",
        ),
        plain=(
            "The chemical symbol of {element} is {symbol}.",
            "The symbol of {element} is {symbol}.",
            "{Element} has the symbol {symbol}.",
        ),
        short=("{symbol}.",),
        statements=(
            "The chemical symbol of {element} is {symbol}.",
            "{Element} is a chemical element with the symbol {symbol}.",
            "{symbol} stands for {element}.",
            "In chemistry, {symbol} stands for the element {element}.",
        ),
        follow_ups=("And of {element}?", "What about {element}?", "And {element}?"),
        follow_ups_on_subject=("And its symbol?", "What is its symbol?"),
        checks=(
            "Is {symbol} the symbol of {element}?",
            "Does {symbol} stand for {element}?",
            "Is the symbol of {element} {symbol}?",
            "Does {element} have the symbol {symbol}?",
        ),
        foreign={
            "German": ("Das Symbol ist {symbol}.",),
            "French": ("Le symbole est {symbol}.",),
            "Spanish": ("El símbolo es {symbol}.",),
            "Italian": ("Il simbolo è {symbol}.",),
        },
        facts=_facts(known),
        weight=1.5,
    )


def _element_of_symbol(known: Iterable[Element]) -> Kind:
    return Kind(
        name="element of symbol",
        subject="symbol",
        topic="chemistry",
        answer="element",
        questions=(
            "Which element has the symbol {symbol}?",
            "What element has the symbol {symbol}?",
            "Which chemical element is {symbol}?",
            "What does the chemical symbol {symbol} stand for?",
            "Tell me the element with the symbol {symbol}.",
            "Element with the symbol {symbol}?",
            "Symbol {symbol}: element?",
            "Please name the element with the symbol {symbol}.",
            "Do you know which element has the symbol {symbol}?",
            "For which element does {symbol} stand?",
            "The symbol {symbol} belongs to which element?",
        ),
        held_out=(
            "Please tell me which element has the symbol {symbol}.",
            "Do you know the element with the symbol {symbol}?",
            "Which element does the symbol {symbol} stand for?",
        ),
        plain=(
            "{symbol} is the symbol of {element}.",
            "{symbol} stands for {element}.",
            "The element with the symbol {symbol} is {element}.",
        ),
        short=("It is {element}.",),
        statements=(
            "{symbol} is the chemical symbol of {element}.",
            "The element with the symbol {symbol} is {element}.",
            "The symbol {symbol} stands for {element}.",
            "Chemists write {symbol} for {element}.",
        ),
        follow_ups=("And {symbol}?", "What about {symbol}?", "And which element is {symbol}?"),
        checks=(
            "Is {symbol} {element}?",
            "Does the symbol {symbol} mean {element}?",
            "Is {symbol} short for {element}?",
        ),
        facts=tuple(Fact(element.fields(), also=_spelt_also(element)) for element in known),
    )


def _spelt_also(element: Element) -> tuple[str, ...]:
    return (AMERICAN[element.name],) if element.name in AMERICAN else ()


def _number_of_element(known: Iterable[Element]) -> Kind:
    return Kind(
        name="atomic number of element",
        subject="element",
        topic="chemistry",
        answer="number",
        questions=(
            "What is the atomic number of {element}?",
            "What's the atomic number of {element}?",
            "Tell me the atomic number of {element}.",
            "Atomic number of {element}?",
            "{Element}: atomic number?",
            "Which atomic number does {element} have?",
            "How many protons does an atom of {element} have?",
            "Please name the atomic number of {element}.",
            "Do you know the atomic number of {element}?",
            "I would like to know the atomic number of {element}.",
            "What is {elements} atomic number?",
        ),
        held_out=(
            "Please tell me the atomic number of {element}.",
            "Can you tell me what the atomic number of {element} is?",
            "How many protons are in an atom of {element}?",
        ),
        plain=(
            "The atomic number of {element} is {number}.",
            "{Element} has the atomic number {number}.",
        ),
        short=("{number}.",),
        statements=(
            "The atomic number of {element} is {number}.",
            "{Element} is the element with the atomic number {number}.",
            "An atom of {element} has the atomic number {number}.",
            "Number {number} of the chemical elements is {element}.",
        ),
        follow_ups=("And of {element}?", "What about {element}?", "And {element}?"),
        follow_ups_on_subject=("And its atomic number?", "What is its atomic number?"),
        checks=("Is {number} the atomic number of {element}?", "Does {element} have the atomic number {number}?"),
        foreign={
            "German": ("Die Ordnungszahl ist {number}.",),
            "French": ("Le numéro atomique est {number}.",),
            "Spanish": ("El número atómico es {number}.",),
            "Italian": ("Il numero atomico è {number}.",),
        },
        facts=_facts(known),
    )


def _sort_of_element(known: Iterable[Element]) -> Kind:
    return Kind(
        name="sort of element",
        subject="element",
        topic="chemistry",
        answer="sort",
        questions=(
            "What sort of element is {element}?",
            "What kind of element is {element}?",
            "Which sort of element is {element}?",
            "Tell me what sort of element {element} is.",
            "Sort of element: {element}?",
            "{Element}: what sort of element?",
            "Please say what kind of element {element} is.",
            "Do you know what sort of element {element} is?",
            "I would like to know what kind of element {element} is.",
        ),
        held_out=(
            "Do you know what kind of element {element} is?",
            "Please tell me what sort of element {element} is.",
        ),
        plain=("{Element} is a {sort}.", "The element {element} is a {sort}."),
        short=("A {sort}.",),
        statements=(
            "{Element} is a {sort}.",
            "The element {element} is a {sort}.",
            "Among the chemical elements, {element} is a {sort}.",
            "A {sort} that chemists know well is {element}.",
        ),
        follow_ups=("And {element}?", "What about {element}?"),
        follow_ups_on_subject=("And what sort of element is it?", "What kind of element is it?"),
        checks=(
            "Is {element} a {sort}?",
            "Is it true that {element} is a {sort}?",
            "Is the element {element} a {sort}?",
            "Does {element} count as a {sort}?",
        ),
        facts=_facts(element for element in known if element.symbol not in SORT_DISPUTED),
        weight=0.5,
    )


def _state_of_element(known: Iterable[Element]) -> Kind:
    return Kind(
        name="state of element",
        subject="element",
        topic="chemistry",
        answer="state",
        questions=(
            "What state is {element} in at room temperature?",
            "In which state is {element} at room temperature?",
            "What is the state of {element} at room temperature?",
            "Tell me the state of {element} at room temperature.",
            "State of {element} at room temperature?",
            "{Element}: state at room temperature?",
            "Please name the state of {element} at room temperature.",
            "Do you know the state of {element} at room temperature?",
            "I would like to know the state of {element} at room temperature.",
            "At room temperature, what state is {element} in?",
        ),
        held_out=(
            "Please tell me the state of {element} at room temperature.",
            "Do you know in which state {element} is at room temperature?",
        ),
        plain=("{Element} is a {state} at room temperature.", "At room temperature, {element} is a {state}."),
        short=("A {state}.",),
        statements=(
            "{Element} is a {state} at room temperature.",
            "At room temperature, {element} is a {state}.",
            "We know {element} as a {state} at room temperature.",
            "The state of {element} at room temperature: {state}.",
        ),
        follow_ups=("And {element}?", "What about {element}?"),
        follow_ups_on_subject=("And its state at room temperature?", "What state is it in at room temperature?"),
        checks=("Is {element} a {state} at room temperature?", "At room temperature, is {element} a {state}?"),
        facts=_facts(known),
        weight=0.5,
    )
