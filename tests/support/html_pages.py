"""What a browser would make of a page's text: its elements, texts and data."""

from __future__ import annotations

import base64
import json
import zlib
from html.parser import HTMLParser
from typing import Any

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028'\"&amp;"


class Page(HTMLParser):
    """The elements of a page, the text outside of scripts and styles, and its data."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open.append(tag)
            self.scripts += [""] * (tag == "script")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.texts.append(data)
        elif self._open[-1] == "script":
            self.scripts[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def of(self, tag: str, **attributes: str) -> dict[str, str | None]:
        """The attributes of the one element of this kind that has these."""
        (item,) = [
            own
            for name, own in self.attributes
            if name == tag and attributes.items() <= own.items()
        ]
        return item

    @property
    def data(self) -> Any:
        form = self.of("script", id="data")["data-form"]
        text = self.scripts[0]
        if form == "deflate":
            text = zlib.decompress(base64.b64decode(text)).decode("ascii")
        return json.loads(text)
