"""What is thrown at a parser, and what must hold for whatever it accepts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Target:
    """A parser as a function of one input, the inputs, and what must hold for whatever it accepts."""

    parse: Callable[[Any], Any]
    inputs: st.SearchStrategy[Any]
    holds: Callable[[Any], bool] = lambda result: True
