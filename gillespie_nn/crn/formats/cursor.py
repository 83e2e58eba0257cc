"""A place in a line of text, and what can be taken from there."""

import re
from typing import NoReturn

from ...checks import InputError


class Cursor:
    """A line of the text and a place in it; every failure names both."""

    def __init__(self, text: str, number: int):
        self.text, self.number, self.place = text, number, 0
        self.skip()

    def skip(self) -> None:
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def take(self, token: str | re.Pattern) -> str | None:
        """Consume a literal or a pattern; returns the text consumed, or None."""
        if isinstance(token, str):
            found = token if self.text.startswith(token, self.place) else None
        else:
            match = token.match(self.text, self.place)
            found = match.group() if match else None
        if found is not None:
            self.place += len(found)
            self.skip()
        return found

    def need(self, token: str | re.Pattern, what: str) -> str:
        found = self.take(token)
        if found is None:
            got = self.text[self.place :].split(maxsplit=1)
            self.fail(f"expected {what}, got {got[0]!r}" if got else f"expected {what}, but the line ends")
        return found

    def rest(self) -> str:
        """All that is left of the line."""
        self.place, text = len(self.text), self.text[self.place :]
        return text

    def end(self) -> None:
        if self.place < len(self.text):
            self.fail(f"unexpected {self.text[self.place :].strip()!r}: write one reaction, count or rule per line")

    def fail(self, message: str, place: int | None = None) -> NoReturn:
        column = (self.place if place is None else place) + 1
        raise InputError(f"line {self.number}, column {column}: {message}")
