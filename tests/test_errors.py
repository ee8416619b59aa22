"""The exceptions are the tree that their module describes."""

import inspect
import re

import pytest

from doctl import errors
from doctl.errors import DoctlError, ProtocolError


def documented() -> list[tuple[int, str]]:
    """Return the depth and name of each class in the tree of the docstring, in order."""
    drawn = re.findall(r"^    ([│├└─ ]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    return [(len(branches) // 4, name) for branches, name in drawn]


def real(kind: type[Exception] = DoctlError, depth: int = 0) -> list[tuple[int, str]]:
    """Return the same of the classes themselves, as far as they are defined there."""
    below = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [(depth, kind.__name__)] + [row for child in below for row in real(child, depth + 1)]


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    """Every exception is in the documented tree at its place, and nothing else is."""
    assert documented() == real()


def test_every_exception_belongs_to_the_tree() -> None:
    """Whatever the module defines is a DoctlError and says in a sentence what it is for."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    assert len(classes) == len(documented())
    for each in classes:
        assert issubclass(each, DoctlError)
        assert each.__doc__


@pytest.mark.parametrize("fault", ["remote", "local"])
def test_a_protocol_error_says_whose_fault_it_is(fault: str) -> None:
    """The other side is at fault unless said otherwise."""
    assert ProtocolError("x").fault == "remote"
    assert ProtocolError("x", fault=fault).fault == fault
