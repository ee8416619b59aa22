"""Looks at HTML pages as a browser would, for what should not be in them."""

import html.parser


class Elements(html.parser.HTMLParser):
    """Collects the start tags and attributes of a page, and whether every element is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


KNOWN_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "article", "footer"),
    *("figure", "figcaption", "h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "div", "dt", "dd"),
    *("span", "strong", "code", "details", "summary", "a", "svg", "g", "path", "rect", "circle", "text"),
}


def look_at_page(page: str) -> None:
    """Fail where the page has an element or attribute that doctl does not write, or loads something."""
    seen = Elements(page)
    assert seen.tags <= KNOWN_TAGS
    assert seen.open == []
    assert not [
        name for _, name, _ in seen.attributes if name.startswith("on") or name in ("src", "srcset", "xlink:href")
    ]
    for tag, name, value in seen.attributes:
        assert name != "href" or (tag == "a" and (value or "").startswith(("https://", "http://")))
