"""The page on which demo people say who they are. In Azure this is the page of Microsoft Entra ID."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from local.identity.people import Directory, Person

WHAT_THEY_SHOW = {
    "trainer": "makes the models of the demo, may not decide on them",
    "viewer-1": "reads everything, changes nothing",
}

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#7f8896, #7b8797); --ink-2: light-dark(#434b57, #b9c1cb);
  --accent: light-dark(#0a57a6, #82bbff); }
body { margin: 0; font: 400 14px/20px "Segoe UI", -apple-system, Inter, Roboto, "Noto Sans", system-ui, sans-serif;
  background: light-dark(#f4f5f7, #0e1216); color: light-dark(#161a20, #e7eaee); }
main { max-width: 460px; margin: 48px auto; padding: 0 16px; }
h1 { font-size: 20px; font-weight: 600; line-height: 28px; margin: 0 0 8px; }
p { margin: 0 0 16px; color: var(--ink-2); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 8px; }
button { width: 100%; padding: 12px 16px; text-align: left; font: inherit; color: inherit; cursor: pointer;
  background: light-dark(#ffffff, #161b21); border: 1px solid var(--line); border-radius: 6px; }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
b { display: block; font-weight: 600; }
small { font-size: 13px; color: var(--ink-2); }
"""


def people_page(directory: Directory, asked: Mapping[str, str]) -> str:
    """A button for each person; pressing one goes on with what was `asked`."""
    people = "".join(_person(key, person) for key, person in directory.people.items())
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items()
    )
    return _page(
        "Local cloud: who are you?",
        "<p>These people exist on this machine only. The protocol is the same as with Microsoft Entra.</p>"
        f'<form method="post" action="authorize">{hidden}<ul>{people}</ul></form>',
    )


def device_page(directory: Directory, code: str) -> str:
    """The code that a command shows, and a button for each person."""
    people = "".join(_person(key, person) for key, person in directory.people.items())
    return _page(
        "Local cloud: who is at the terminal?",
        "<p>A command waits for you to sign in. Go on only if it shows this very code.</p>"
        '<form method="post" action="devicelogin"><p><label>Code <input name="code" required autocomplete="off" '
        f'value="{escape(code)}"></label></p><ul>{people}'
        '<li><button name="person" value=""><b>Decline</b><small>nobody is signed in</small></button></li></ul></form>',
    )


def said_page(text: str) -> str:
    """A page that says how it ended."""
    return _page("Local cloud: sign-in", f"<p>{escape(text)}</p>")


def refusal_page(text: str) -> str:
    """A page that says why nobody can sign in with this request."""
    return _page("Local cloud: sign-in", f"<p>{escape(text)}</p>")


def _person(key: str, person: Person) -> str:
    groups = ", ".join(person.groups) or "no group"
    shown = f"{groups}: {WHAT_THEY_SHOW[key]}" if key in WHAT_THEY_SHOW else groups
    return (
        f'<li><button name="person" value="{escape(key)}"><b>{escape(person.name)}</b>'
        f"<small>{escape(shown)}</small></button></li>"
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
