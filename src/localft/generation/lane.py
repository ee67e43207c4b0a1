"""Keys and values of the rows that are decoded together, which join and leave at any token.

All rows end in the same column, so that a step writes one column and reads one block: a shorter row has nothing on its left,
which the mask hides. Rows 0 to B - 1 are in use; one that leaves gives its place to the last one, so nothing else moves. Room
is made for more rows and columns than there are, and the block is laid out anew where it is full.

Shapes: B rows in use, K heads of keys, C columns, D width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache

SPARE_COLUMNS = 64


class Extent:
    """Where the rows in use stand, the same for all layers."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        """Tokens of each row whose keys are here."""
        self.end = 0
        """The column behind the last token of all rows."""
        self.columns = 0
        self.rows = 0

    @property
    def longest(self) -> int:
        return max(self.lengths, default=0)

    @property
    def begin(self) -> int:
        return self.end - self.longest


class _LaneLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's block. `update` is how transformers adds the step's token and gets back what it attends to."""

    is_sliding = False  # windows are cut by the mask, from columns: all rows are aligned

    def __init__(self, extent: Extent, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()
        self.extent = extent
        self.is_initialized = True
        self.keys = keys.new_empty(0, *keys.shape[1:2], 0, keys.shape[3])
        self.values = values.new_empty(0, *values.shape[1:2], 0, values.shape[3])

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        raise AssertionError("a lane is made with its layers")

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        extent, new = self.extent, key_states.shape[2]
        rows, end = len(extent.lengths), extent.end + new
        self.keys[:rows, :, extent.end : end] = key_states
        self.values[:rows, :, extent.end : end] = value_states
        return self.keys[:rows, :, extent.begin : end], self.values[:rows, :, extent.begin : end]

    def get_seq_length(self) -> int:
        return self.extent.longest

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.extent.longest + query_length, 0

    def get_max_length(self) -> int:
        return -1

    def lay_out(self, rows: int, columns: int, end: int) -> None:
        self.keys = self._laid_out(self.keys, rows, columns, end)
        self.values = self._laid_out(self.values, rows, columns, end)

    def _laid_out(self, block: torch.Tensor, rows: int, columns: int, end: int) -> torch.Tensor:
        extent, used = self.extent, len(self.extent.lengths)
        # Zeros, since masked columns are multiplied by 0 and what memory happens to hold may be no number.
        laid = block.new_zeros(rows, block.shape[1], columns, block.shape[3])
        if used:
            laid[:used, :, end - extent.longest : end] = block[:used, :, extent.begin : extent.end]
        return laid


class Lane:
    """The cache of rows that are decoded together."""

    def __init__(self) -> None:
        self.extent = Extent()
        self.cache: Cache | None = None

    def __len__(self) -> int:
        return len(self.extent.lengths)

    @property
    def lengths(self) -> list[int]:
        return self.extent.lengths

    def join(self, prompts: DynamicCache, sources: Sequence[int], lengths: Sequence[int]) -> None:
        """Adds rows, each from row `sources[i]` of a cache whose rows end in its last column."""
        if self.cache is None:
            self.cache = Cache([_LaneLayer(self.extent, layer.keys, layer.values) for layer in prompts.layers])
        extent = self.extent
        if not extent.lengths:
            extent.end = 0
        self._make_room(len(sources), max(lengths))
        first = len(extent.lengths)
        for row, (source, length) in enumerate(zip(sources, lengths, strict=True), first):
            for ours, theirs in zip(self.cache.layers, prompts.layers, strict=True):
                for block, new in ((ours.keys, theirs.keys), (ours.values, theirs.values)):
                    block[row, :, : extent.end - length] = 0
                    block[row, :, extent.end - length : extent.end] = new[source, :, new.shape[2] - length :]
        extent.lengths.extend(lengths)

    def leave(self, row: int) -> None:
        """Takes a row out; the last row gets its number."""
        assert self.cache is not None
        extent, last = self.extent, len(self.extent.lengths) - 1
        if row != last:
            for layer in self.cache.layers:
                for block in (layer.keys, layer.values):
                    block[row, :, : extent.end] = block[last, :, : extent.end]
            extent.lengths[row] = extent.lengths[last]
        extent.lengths.pop()

    def before_step(self) -> torch.Tensor:
        """Makes room for one more token of each row; returns the mask (B, C) of what the step reads, that token included."""
        self._make_room(0, 0)
        width = self.extent.longest + 1
        begins = torch.tensor([width - 1 - length for length in self.extent.lengths])
        return (torch.arange(width)[None] >= begins[:, None]).long()

    def after_step(self) -> None:
        extent = self.extent
        extent.end += 1
        extent.lengths[:] = [length + 1 for length in extent.lengths]

    def _make_room(self, new_rows: int, new_length: int) -> None:
        """Lays the block out anew where `new_rows` of at most `new_length` tokens, or one more column, do not fit."""
        extent = self.extent
        needed_rows = len(extent.lengths) + new_rows
        if needed_rows <= extent.rows and new_length <= extent.end < extent.columns:
            return
        end = max(extent.longest, new_length)
        columns = end + max(SPARE_COLUMNS, end // 4)
        rows = extent.rows if needed_rows <= extent.rows else max(needed_rows, 2 * extent.rows)
        assert self.cache is not None
        for layer in self.cache.layers:
            layer.lay_out(rows, columns, end)
        extent.rows, extent.columns, extent.end = rows, columns, end
