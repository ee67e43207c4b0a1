"""One choice of a request, from its tokens to what its asker is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from localft.generation.calls import CallReader, Piece
from localft.generation.sampling import Likelihood
from localft.generation.transcript import OPEN, Decoder, StopSearch, visible
from localft.tokenization.tokenizer import ChatTokenizer
from localft.wire.engine import CallDelta, Delta, TokenLogprob


class Answer:
    """Collects what became certain; `take` hands it over."""

    def __init__(self, tokenizer: ChatTokenizer, stops: Sequence[str], calls: CallReader | None) -> None:
        self._tokenizer = tokenizer
        self._decoder = Decoder(tokenizer)
        self._stops = StopSearch(stops)
        self._calls = calls
        self._decoded = self._released = 0
        self._likelihoods: deque[tuple[int, TokenLogprob]] = deque()
        self._text = ""
        self._call_deltas: list[CallDelta] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def is_complete(self) -> bool:
        """Whether nothing that follows would be told: a stop string stands there, or the only call is whole."""
        return self._stops.found or (self._calls is not None and self._calls.is_complete)

    @property
    def has_calls(self) -> bool:
        return self._calls is not None and self._calls.has_calls

    def feed(self, id: int, likelihood: Likelihood | None) -> None:
        marked = self._decoder.feed(id)
        self._decoded += len(marked)
        if likelihood is not None:
            self._likelihoods.append((self._decoded, self._told(likelihood)))
        self._release(self._stops.feed(marked))

    def end(self) -> None:
        """Nothing follows any more, so that nothing has to wait."""
        marked = self._decoder.flush()
        self._decoded += len(marked)
        self._release(self._stops.feed(marked) + self._stops.flush())
        if self._calls is not None:
            self._keep(self._calls.finish())

    def take(self, task: str, choice: int) -> Delta | None:
        """What was not handed over before; None where there is nothing."""
        if not (self._text or self._call_deltas or self._logprobs):
            return None
        delta = Delta(task, choice, self._text, tuple(self._call_deltas), tuple(self._logprobs))
        self._text, self._call_deltas, self._logprobs = "", [], []
        return delta

    def _release(self, marked: str) -> None:
        self._released += len(marked)
        while self._likelihoods and self._likelihoods[0][0] <= self._released:
            self._logprobs.append(self._likelihoods.popleft()[1])
        marked = marked.removesuffix(OPEN)  # where a stop string is a special token's text
        self._keep(Piece(visible(marked)) if self._calls is None else self._calls.feed(marked))

    def _keep(self, piece: Piece) -> None:
        self._text += piece.text
        self._call_deltas.extend(piece.calls)

    def _told(self, likelihood: Likelihood) -> TokenLogprob:
        def entry(id: int, logprob: float) -> TokenLogprob:
            spelled = self._tokenizer.bytes_of(id)
            return TokenLogprob(spelled.decode("utf-8", "replace"), logprob, tuple(spelled))

        chosen = entry(likelihood.id, likelihood.logprob)
        top = tuple(entry(id, logprob) for id, logprob in likelihood.top)
        return TokenLogprob(chosen.token, chosen.logprob, chosen.bytes, top)
