"""A rendered example: token ids and the weight of predicting each of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """One example ready for training.

    `loss_weights[i]` is the weight of *predicting* `input_ids[i]` from what comes before it. Position 0 is predicted
    from nothing, so `loss_weights[0]` is always 0. Both lists have the same length T.
    """

    line: int
    input_ids: list[int]
    loss_weights: list[float]
    cut: int = field(default=0, compare=False)
    """Tokens that `max_length` took off the end."""

    def __post_init__(self) -> None:
        assert len(self.input_ids) == len(self.loss_weights), "one weight a token"
        assert not self.loss_weights or self.loss_weights[0] == 0, "the first token is predicted from nothing"
