"""Foreign text as people are shown it: on one line, short, and with every blank to be seen."""


def shown(text: str, chars_max: int) -> str:
    """`text` with line ends, odd blanks and invisible characters as escapes, such as `1.5.1\\\\n`; cut to `chars_max`.

    Plain blanks stay: put quotes around, so that those at the ends are seen.
    """
    seen = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: chars_max + 1])
    return seen if len(seen) <= chars_max else f"{seen[: chars_max - 1]}…"


def both_ends(text: str, chars_max: int) -> str:
    """`text` on one line; of a longer one the beginning and, twice as long, the end, where libraries say the cause."""
    seen = " ".join(text.split())
    if len(seen) <= chars_max:
        return seen
    head = (chars_max - 3) // 3
    return f"{seen[:head]} … {seen[head + 3 - chars_max :]}"
