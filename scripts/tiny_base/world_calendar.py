"""Days, months and seasons. The names come from CLDR (babel)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from babel import Locale

from tiny_base.facts import Fact, Kind

DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SEASONS = ("winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer", *("autumn",) * 3, "winter")
ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]


def kinds() -> tuple[Kind, ...]:
    return (
        _after("day", _days()),
        _before("day", _days()),
        _after("month", _months()),
        _before("month", _months()),
        _days_in_month(),
        _season_of_month(),
        _place_of_month(),
    )


def _days() -> list[str]:
    """Monday to Sunday."""
    names = Locale("en").days["format"]["wide"]
    return [names[place] for place in range(7)]


def _months() -> list[str]:
    names = Locale("en").months["format"]["wide"]
    return [names[place] for place in range(1, 13)]


def _after(unit: str, names: Sequence[str]) -> Kind:
    """What follows each of `names`, which go round."""
    pairs = zip(names, [*names[1:], names[0]], strict=True)
    return Kind(
        name=f"{unit} after",
        subject=f"{unit}_before",
        topic="the calendar",
        answer="next",
        questions=tuple(
            text.replace("UNIT", unit).replace("GIVEN", f"{{{unit}_before}}")
            for text in (
                "Which UNIT comes after GIVEN?",
                "What UNIT comes after GIVEN?",
                "What comes after GIVEN?",
                "Which UNIT follows GIVEN?",
                "What is the UNIT after GIVEN?",
                "Tell me the UNIT after GIVEN.",
                "The UNIT after GIVEN?",
                "After GIVEN comes which UNIT?",
                "Please name the UNIT that follows GIVEN.",
                "Do you know which UNIT comes after GIVEN?",
                "I would like to know the UNIT after GIVEN.",
            )
        ),
        held_out=(
            f"Please tell me which {unit} comes after {{{unit}_before}}.",
            f"Do you know the {unit} that follows {{{unit}_before}}?",
        ),
        plain=(
            f"The {unit} after {{{unit}_before}} is {{next}}.",
            f"{{next}} comes after {{{unit}_before}}.",
            f"After {{{unit}_before}} comes {{next}}.",
        ),
        short=("{next}.",),
        statements=(
            f"{{next}} comes after {{{unit}_before}}.",
            f"After {{{unit}_before}} comes {{next}}.",
            f"The {unit} after {{{unit}_before}} is {{next}}.",
            f"When {{{unit}_before}} is over, {{next}} begins.",
        ),
        follow_ups=(f"And after {{{unit}_before}}?", f"What about {{{unit}_before}}?"),
        checks=(
            f"Is {{next}} the {unit} after {{{unit}_before}}?",
            f"Is it true that {{next}} is the {unit} after {{{unit}_before}}?",
        ),
        facts=tuple(Fact({f"{unit}_before": given, "next": following}) for given, following in pairs),
        weight=0.7,
    )


def _before(unit: str, names: Sequence[str]) -> Kind:
    """What precedes each of `names`, which go round."""
    mirrored = _after(unit, list(reversed(names)))

    def told(texts: Sequence[str]) -> tuple[str, ...]:
        changes = (
            ("that follows", "that comes before"),
            ("follows", "precedes"),
            ("_before", "_after"),
            (" after ", " before "),
            ("After ", "Before "),
            ("{next}", "{previous}"),
        )
        return tuple(_changed(text, changes) for text in texts)

    return replace(
        mirrored,
        name=f"{unit} before",
        subject=f"{unit}_after",
        topic="the calendar",
        answer="previous",
        questions=told(mirrored.questions),
        held_out=told(mirrored.held_out),
        plain=told(mirrored.plain),
        short=told(mirrored.short),
        statements=(
            *told(mirrored.statements[:-1]),
            f"When {{previous}} is over, {{{unit}_after}} begins.",
        ),
        follow_ups=told(mirrored.follow_ups),
        checks=told(mirrored.checks),
        facts=tuple(
            Fact({f"{unit}_after": fact.fields[f"{unit}_before"], "previous": fact.fields["next"]})
            for fact in mirrored.facts
        ),
    )


def _changed(text: str, changes: Sequence[tuple[str, str]]) -> str:
    for old, new in changes:
        text = text.replace(old, new)
    return text


def _days_in_month() -> Kind:
    return Kind(
        name="days in month",
        subject="month",
        topic="the calendar",
        answer="days",
        questions=(
            "How many days are in {month}?",
            "How many days does {month} have?",
            "How many days are there in {month}?",
            "Tell me how many days {month} has.",
            "Days in {month}?",
            "{month}: how many days?",
            "How long is {month}?",
            "Please tell me the number of days in {month}.",
            "Do you know how many days {month} has?",
            "I would like to know how many days are in {month}.",
            "What is the number of days in {month}?",
        ),
        held_out=(
            "Do you know how many days are in {month}?",
            "Please tell me how many days {month} has.",
            "The month of {month} has how many days?",
        ),
        plain=("{month} has {days} days.", "There are {days} days in {month}.", "In {month} there are {days} days."),
        short=("{days}.", "{days} days."),
        statements=(
            "{month} has {days} days.",
            "There are {days} days in {month}.",
            "The month of {month} is {days} days long.",
            "{month} is a month with {days} days.",
        ),
        follow_ups=("And in {month}?", "What about {month}?", "And {month}?"),
        follow_ups_on_subject=("And how many days does it have?", "How many days does that month have?"),
        checks=("Does {month} have {days} days?", "Are there {days} days in {month}?"),
        foreign={
            "German": ("Es sind {days} Tage.",),
            "French": ("Ce mois a {days} jours.",),
            "Spanish": ("Este mes tiene {days} días.",),
            "Italian": ("Questo mese ha {days} giorni.",),
        },
        facts=tuple(
            Fact({"month": month, "days": str(days)}, also=("29",) if days == 28 else ())
            for month, days in zip(_months(), DAYS_IN_MONTH, strict=True)
        ),
    )


def _season_of_month() -> Kind:
    return Kind(
        name="season of month",
        subject="month",
        topic="the calendar",
        answer="season",
        questions=(
            "Which season is {month} in?",
            "In which season is {month}?",
            "What season is it in {month}?",
            "To which season does {month} belong?",
            "Tell me the season of {month}.",
            "Season of {month}?",
            "{month}: season?",
            "Please name the season of {month}.",
            "Do you know in which season {month} is?",
            "I would like to know the season of {month}.",
            "What season is {month} in Europe?",
        ),
        held_out=(
            "Do you know the season of {month}?",
            "Please tell me in which season {month} is.",
            "Which season does {month} belong to?",
        ),
        plain=(
            "{month} is in {season} in the northern half of the Earth.",
            "In the north, {month} belongs to {season}.",
            "{month} is a month of {season} in the north.",
        ),
        short=("In {season}.", "It is {season}."),
        statements=(
            "In the northern half of the Earth, {month} is in {season}.",
            "In Europe, it is {season} in {month}.",
            "{month} is a month of {season} in the north.",
            "In the north, the month of {month} belongs to {season}.",
        ),
        follow_ups=("And {month}?", "What about {month}?"),
        follow_ups_on_subject=("And in which season is it?", "Which season is that?"),
        checks=("Is {month} in {season}?", "Is it {season} in {month}?"),
        facts=tuple(
            Fact({"month": month, "season": season}, also=("fall",) if season == "autumn" else ())
            for month, season in zip(_months(), SEASONS, strict=True)
        ),
    )


def _place_of_month() -> Kind:
    return Kind(
        name="month by place",
        subject="place",
        topic="the calendar",
        answer="month",
        questions=(
            "What is the {place} month of the year?",
            "Which month is the {place} of the year?",
            "Which is the {place} month?",
            "Tell me the {place} month of the year.",
            "The {place} month?",
            "What is the name of the {place} month?",
            "Please name the {place} month of the year.",
            "Do you know the {place} month of the year?",
            "I would like to know the {place} month of the year.",
        ),
        held_out=("Which is the {place} month of the year?", "Please tell me the {place} month of the year."),
        plain=("The {place} month of the year is {month}.", "{month} is the {place} month of the year."),
        short=("{month}.",),
        statements=(
            "The {place} month of the year is {month}.",
            "{month} is the {place} month of the year.",
            "In the calendar, {month} is the {place} month.",
            "As the {place} month of the year comes {month}.",
        ),
        follow_ups=("And the {place}?", "And the {place} one?"),
        checks=("Is {month} the {place} month of the year?",),
        facts=tuple(Fact({"place": place, "month": month}) for place, month in zip(ORDINALS, _months(), strict=True)),
    )
