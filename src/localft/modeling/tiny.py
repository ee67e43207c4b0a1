"""The embedded model, under the name that the GPU rooms look for; it is made in `localft.tiny.model`, a light room."""

from localft.tiny.model import materialize

__all__ = ["materialize"]
