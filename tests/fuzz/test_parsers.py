"""Throws its inputs at every parser of the table."""

import importlib
import inspect
import pkgutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import doctl.wire
from doctl.errors import DoctlError
from tests.fuzz import MAY_RAISE
from tests.fuzz.inputs import TARGETS

LONGEST_MESSAGE = 1000


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_only_the_promised_exceptions_come_out(name: str, data: st.DataObject) -> None:
    """A parser gives something sound or raises what its row allows, with a message of bounded length."""
    target = TARGETS[name]
    try:
        result = target.parse(data.draw(target.inputs))
    except MAY_RAISE[name] as error:
        assert 0 < len(str(error)) < LONGEST_MESSAGE
    else:
        assert target.holds(result)


def test_every_target_has_its_row_and_is_an_error_of_doctl() -> None:
    """The table and the targets are about the same parsers, and only doctl's own errors are promised."""
    assert set(TARGETS) <= set(MAY_RAISE)
    assert all(issubclass(kind, DoctlError) for row in MAY_RAISE.values() for kind in row)


def test_no_parser_of_the_wire_is_forgotten() -> None:
    """Every function of doctl.wire that parses has a row; a new one cannot be added without."""
    for found in pkgutil.iter_modules(doctl.wire.__path__, "doctl.wire."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("parse") and function.__module__ == found.name:
                assert f"{found.name}.{name}" in TARGETS
