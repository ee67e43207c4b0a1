"""What the tests of the pretraining share, since it takes seconds to make."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from tiny_base.__main__ import make_tokenizer
from tiny_base.pretraining import Recipe
from tiny_base.text import World
from tiny_base.world import kinds


@pytest.fixture(scope="session")
def world() -> World:
    return World(kinds())


@pytest.fixture(scope="session")
def made_tokenizer(world: World) -> Tokenizer:
    """Trained on the text, as the models' was."""
    return make_tokenizer(world, Recipe().seed)
