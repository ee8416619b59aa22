"""How tests are run: which stay together where several processes run them, which begin, and how examples are made."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler.loadscope import LoadScopeScheduling

# how long an example takes says nothing on a busy machine
settings.register_profile("doctl", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("doctl")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Keeps the tests of a file in one process, so that what they share is made once; so too all that use Wine.

    Wine has one registry, which some of its tests change.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "wine" if "/test_windows" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Let xdist hand tests out so."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those begin that take longest, Wine's first of all; what is quick comes last and fills the gaps."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[bool, ...]:
    slow = item.get_closest_marker("slow") is not None
    return "test_windows" not in item.path.name, not slow, "integration" not in item.path.parts
