"""Foreign text as people are shown it: on one line, short, and with every blank to be seen."""


def shown(text: str, chars_max: int) -> str:
    """`text` with line ends, odd blanks and invisible characters as escapes, such as `1.5.1\\\\n`; cut to `chars_max`.

    Plain blanks stay: put quotes around, so that those at the ends are seen.
    """
    seen = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: chars_max + 1])
    return seen if len(seen) <= chars_max else f"{seen[: chars_max - 1]}…"
