"""HTML and SVG elements as strings that cannot forget to escape."""

from html import escape


class Markup(str):
    """Text that is markup already; every other text is escaped on its way into an element."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: object) -> Markup:
    """Return the element ``name``; an underscore before a Python keyword's name goes, others become hyphens.

    An attribute that is None or False is left out, one that is True stands without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    inner = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")


def void(name: str, /, **attributes: object) -> Markup:
    """Return an element that has no content and no end tag, such as ``meta``."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{written}>")


def join(parts: "list[Markup]") -> Markup:
    """Return the parts one after the other, a line each."""
    return Markup("\n".join(parts))


def _attribute(key: str, value: object) -> str:
    name = key.strip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
