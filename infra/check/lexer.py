"""Bicep as tokens. Line ends are tokens, because the language separates by them."""

import re
from dataclasses import dataclass
from typing import Any


class BicepSyntaxError(Exception):
    """The text is no Bicep; `line` begins at 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True)
class Token:
    """`kind` is name, number, string, newline, end, or the sign itself; a string has texts and token lists."""

    kind: str
    value: Any
    line: int


_BLANK = re.compile(r"(?:[ \t\r]+|//[^\n]*|/\*.*?\*/|#disable-next-line[^\n]*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"\d+")
_SIGN = re.compile(r"=>|\?\?|==|!=|=~|!~|<=|>=|&&|\|\||::|\.\?|\.\.\.|[@={}\[\]().,:?!<>+\-*/%|]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\", "$": "$"}


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1

    def until(self, closing: str | None) -> list[Token]:
        """Tokens up to an unmatched closing bracket, or to the end."""
        found: list[Token] = []
        depth = 0
        while True:
            token = self._next()
            if token.kind == "{":
                depth += 1
            elif token.kind == "}" and depth == 0 and closing:
                return [*found, Token("end", None, token.line)]
            elif token.kind == "}":
                depth -= 1
            elif token.kind == "end" and closing:
                raise BicepSyntaxError(token.line, "an interpolation does not end")
            found.append(token)
            if token.kind == "end":
                return found

    def _next(self) -> Token:
        while blank := _BLANK.match(self.text, self.at):
            self.line += blank.group().count("\n")
            self.at = blank.end()
        line = self.line
        if self.at >= len(self.text):
            return Token("end", None, line)
        if self.text[self.at] == "\n":
            self.at += 1
            self.line += 1
            return Token("newline", None, line)
        if self.text.startswith("'''", self.at):
            return self._block()
        if self.text[self.at] == "'":
            return self._string()
        for kind, pattern in (("name", _NAME), ("number", _NUMBER), ("", _SIGN)):
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                word = match.group()
                return Token(kind or word, int(word) if kind == "number" else word, line)
        raise BicepSyntaxError(line, f"{self.text[self.at]!r} does not belong here")

    def _block(self) -> Token:
        line, end = self.line, self.text.find("'''", self.at + 3)
        if end < 0:
            raise BicepSyntaxError(line, "a string of several lines does not end")
        content = self.text[self.at + 3 : end]
        self.line += content.count("\n")
        self.at = end + 3
        return Token("string", [content.removeprefix("\n")], line)

    def _string(self) -> Token:
        parts: list[Any] = []
        text, line = "", self.line
        self.at += 1
        while True:
            sign = self.text[self.at : self.at + 1]
            if sign in ("", "\n"):
                raise BicepSyntaxError(line, "a string does not end")
            self.at += 1
            if sign == "'":
                return Token("string", [*parts, text] if text or not parts else parts, line)
            if sign == "\\":
                escaped = self.text[self.at : self.at + 1]
                if escaped not in _ESCAPES:
                    raise BicepSyntaxError(line, f"\\{escaped} is no escape")
                text += _ESCAPES[escaped]
                self.at += 1
            elif sign == "$" and self.text[self.at : self.at + 1] == "{":
                self.at += 1
                parts += [text, self.until("}")]
                text = ""
            else:
                text += sign


def tokens(text: str) -> list[Token]:
    """All tokens of a file; the last is the end. Raises BicepSyntaxError."""
    return _Lexer(text).until(None)
