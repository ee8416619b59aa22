"""Which tests stay together where several processes run them."""

from collections.abc import Iterable

import pytest


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Keep the tests of a file in one process, so that what they share is made once; so too all that use Wine.

    Wine has one registry, which some of its tests change.
    """
    for item in items:
        wine = "windows_python" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("wine" if wine else str(item.path)))
