"""What the benchmark of a fleet's update computes; the run itself takes minutes and is not a test."""

import pytest

from benchmarks.update_fleet import INSTANT, LIMIT, PROFILE, Change, Figures, limit_s, most_in_a_second, report


def changes(endpoint: str, *durations: float, apart_s: float = 10) -> list[Change]:
    return [Change(endpoint=endpoint, started=n * apart_s, duration=each) for n, each in enumerate(durations)]


def figures(app: float) -> Figures:
    return Figures(
        profile=PROFILE,
        limit=100,
        app=app,
        loop_mean=11,
        loop_count=2,
        writes_in_a_second=8,
        messages={"effects": 1000, "release_events": 400},
    )


def test_the_limit_is_what_the_slowest_endpoint_takes() -> None:
    """Its changes one after the other, each with its write, and one read to know the end."""
    expected = 2 * PROFILE.write_seconds + 11 + 12 + PROFILE.read_seconds
    assert limit_s([*changes("a", 11, 12), *changes("b", 5, 6)], PROFILE) == pytest.approx(expected)


def test_the_limit_is_the_budget_where_writes_are_what_is_scarce() -> None:
    """Ten thousand changes of a moment: 200 at once, and ten a second."""
    many = [change for n in range(10_000) for change in changes(f"e{n}", 0.1)]
    assert limit_s(many, PROFILE) == pytest.approx(980 + PROFILE.read_seconds)


def test_where_nothing_takes_time_the_rate_is_the_limit() -> None:
    """The bucket stays full for a rollback: 200 changes take as long as it takes to give 200 writes back."""
    assert limit_s([change for n in range(200) for change in changes(f"e{n}", 0)], INSTANT) == 20


def test_the_busiest_second_is_found_wherever_it_begins() -> None:
    assert most_in_a_second(changes("a", *[1.0] * 10, apart_s=0.25)) == 4
    assert most_in_a_second([*changes("a", 1, 1, apart_s=5), *changes("b", 1, 1, apart_s=5.5)]) == 2


@pytest.mark.parametrize(("app", "status"), [(100 * LIMIT, 0), (100 * LIMIT + 1, 1)])
def test_more_than_the_limit_allows_fails(app: float, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(figures(app), 200) == status
    printed = capsys.readouterr().out
    assert "2 measured, 11.0 s each, times 200" in printed
    assert "effects 5.0, release_events 2.0" in printed
