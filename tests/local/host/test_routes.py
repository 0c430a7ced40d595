"""Route templates match what ASP.NET matches."""

from __future__ import annotations

import pytest

from local.host.routes import compile_route


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/releases", "/api/releases", {}),
        ("api/releases", "/API/Releases/", {}),
        ("api/releases/{id}", "/api/releases/r-1", {"id": "r-1"}),
        ("api/releases/{id}/{part?}", "/api/releases/r-1", {"id": "r-1"}),
        ("api/releases/{id}/{part?}", "/api/releases/r-1/gate", {"id": "r-1", "part": "gate"}),
        ("api/n/{n:int}", "/api/n/-12", {"n": "-12"}),
        ("api/n/{n:int?}", "/api/n", {}),
        (
            "api/g/{id:guid}",
            "/api/g/7f1b0c5e-5f0e-4e0c-9a55-1d9a3c1a2b3c",
            {"id": "7f1b0c5e-5f0e-4e0c-9a55-1d9a3c1a2b3c"},
        ),
        ("files/{*rest}", "/files/a/b/c", {"rest": "a/b/c"}),
        ("files/{*rest}", "/files", {}),
        ("v/{name}.json", "/v/model.json", {"name": "model"}),
        ("w/{word:alpha:length(2,3)}", "/w/abc", {"word": "abc"}),
        (r"x/{id:regex(^[a-z]{{2}}-\d+$)}", "/x/ab-12", {"id": "ab-12"}),
    ],
)
def test_a_template_matches_and_gives_its_parameters(template: str, path: str, values: dict[str, str]) -> None:
    """Parameters that are left out are absent, not empty."""
    assert compile_route(template).match(path) == values


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("api/releases", "/api/releases/r-1"),
        ("api/releases/{id}", "/api/releases"),
        ("api/n/{n:int}", "/api/n/12a"),
        ("api/n/{n:int}", "/api/n/2147483648"),
        ("api/b/{b:bool}", "/api/b/yes"),
        ("api/g/{id:guid}", "/api/g/nope"),
        ("w/{word:alpha:length(2,3)}", "/w/abcd"),
        ("r/{n:range(1,5)}", "/r/6"),
        (r"x/{id:regex(^[a-z]{{2}}-\d+$)}", "/x/abc-12"),
        ("v/{name}.json", "/v/model.yaml"),
    ],
)
def test_a_template_refuses_other_paths(template: str, path: str) -> None:
    """Every constraint must hold."""
    assert compile_route(template).match(path) is None


def test_the_more_specific_route_is_tried_first() -> None:
    """Literal before constrained before plain before catch-all."""
    templates = ["a/{*rest}", "a/{x}", "a/{x:int}", "a/b"]
    ordered = sorted((compile_route(text) for text in templates), key=lambda route: route.precedence)
    assert [route.text for route in ordered] == ["a/b", "a/{x:int}", "a/{x}", "a/{*rest}"]


@pytest.mark.parametrize("template", ["a/{x:file}", "a/{x=5}", "a/{x:length(}"])
def test_what_is_not_mirrored_is_refused_by_name(template: str) -> None:
    """A constraint that would be ignored would match too much."""
    with pytest.raises(ValueError, match=r"not supported|cannot read"):
        compile_route(template)
