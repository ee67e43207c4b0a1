"""All that the embedded model is to know."""

from __future__ import annotations

from tiny_base import (
    world_calendar,
    world_countries,
    world_earth,
    world_elements,
    world_numbers,
    world_things,
    world_travel,
)
from tiny_base.facts import Kind


def kinds() -> tuple[Kind, ...]:
    modules = (
        world_countries,
        world_earth,
        world_elements,
        world_calendar,
        world_numbers,
        world_things,
        world_travel,
    )
    return tuple(kind for module in modules for kind in module.kinds())
