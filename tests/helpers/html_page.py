"""The content of an HTML page, independent of its markup."""

from html.parser import HTMLParser

UNSEEN = {"head", "style", "script"}


class Page(HTMLParser):
    """A page's visible text, its tags, and its links and sources."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.sources, self.ids, self._words, self._unseen = [], [], [], set(), [], 0
        self.feed(text)
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids.add(given.get("id"))
        pointed = [given[name] for name in ("src", "href", "xlink:href", "action") if name in given]
        (self.links if tag == "a" else self.sources).extend(pointed)
        self._unseen += tag in UNSEEN

    def handle_endtag(self, tag):
        self._unseen -= tag in UNSEEN

    def handle_data(self, data):
        self._words += [] if self._unseen else [data]


def read_page(path):
    return Page(path.read_text(encoding="utf-8"))
