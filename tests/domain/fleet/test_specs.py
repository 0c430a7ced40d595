"""What a deployment shall run: the new environment and nothing else new, or what it ran before."""

from dataclasses import replace

import pytest

from shared.domain.fleet.specs import changed_spec, restored_by
from shared.domain.release.dimensions import unmarked
from shared.domain.release.model import Phase
from shared.domain.release.specs import runs
from shared.domain.tags import TAG_CHARS_MAX
from tests.support.builders import RELEASE_ID, a_spec
from tests.support.drive_fleet import NEW, OLD, driven_to

KEY = "P001-C001"
MARKS = ("restored_by_release", "rolled_back_at", "rollback_reason")


def test_an_update_changes_the_environment_and_the_tags_that_tell_of_it() -> None:
    """Tags of R-ENVREL-15; model, compute, code and variables stay."""
    drive = driven_to(Phase.UPDATING)
    target = drive.target(KEY)
    spec = changed_spec(drive.release, target)

    assert replace(spec, environment=OLD, tags=target.previous.tags) == target.previous
    assert spec.environment == NEW
    assert spec.tags == {
        **target.previous.tags,
        "environment_version": "1.5.1",
        "environment_updated_at": drive.release.phase_since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "previous_environment": OLD,
        "release_id": RELEASE_ID,
        "model_release": target.previous.tags["release_id"],
        "environment_release": RELEASE_ID,
    }


def test_a_roll_back_restores_previous_with_the_marks_that_say_why() -> None:
    """Nothing but the marks differs from what ran."""
    drive = driven_to(Phase.ROLLING_BACK)
    target = drive.target(KEY)
    spec = changed_spec(drive.release, target)

    assert replace(spec, tags=target.previous.tags) == target.previous
    assert set(spec.tags) - set(target.previous.tags) == set(MARKS)
    assert restored_by(spec) == RELEASE_ID
    assert spec.tags["rollback_reason"] == drive.release.rollback_reason


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK])
def test_what_is_wanted_differs_from_what_may_run_now(phase: Phase) -> None:
    """Reading back tells new, old and put back apart."""
    drive = driven_to(phase)
    target = drive.target(KEY)
    forward = changed_spec(replace(drive.release, phase=Phase.UPDATING), target)
    back = changed_spec(replace(drive.release, phase=Phase.ROLLING_BACK), target)
    states = (forward, back, target.previous)

    assert [[runs(wanted, actual) for actual in states] for wanted in states] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK])
def test_a_retry_wants_the_same_as_before(phase: Phase) -> None:
    """Another time in a tag does not make another deployment of it."""
    drive = driven_to(phase)
    first = changed_spec(drive.release, drive.target(KEY))
    drive.wait(600)
    drive.overdue()
    later = replace(drive.release, phase=phase, phase_since=drive.now)

    assert runs(first, changed_spec(later, drive.target(KEY)))


def test_marks_of_an_earlier_roll_back_do_not_stay() -> None:
    """They would say that this release put the deployment back."""
    drive = driven_to(Phase.UPDATING)
    target = drive.target(KEY)
    marks = dict.fromkeys(MARKS, "earlier")
    marked = replace(target, previous=replace(target.previous, tags={**target.previous.tags, **marks}))

    assert not set(MARKS) & set(changed_spec(drive.release, marked).tags)
    assert unmarked(marked.previous) == target.previous


def test_a_deployment_that_was_never_put_back_names_no_release() -> None:
    """An empty text, not an error."""
    assert restored_by(a_spec()) == ""


@pytest.mark.parametrize(("length", "kept"), [(10, 10), (256, 256), (257, 256), (5000, 256)])
def test_a_long_reason_is_cut_to_what_a_tag_takes(length: int, kept: int) -> None:
    """Azure refuses longer values, which must not stop a roll-back."""
    drive = driven_to(Phase.ROLLING_BACK)
    release = replace(drive.release, rollback_reason="x" * length)
    reason = changed_spec(release, drive.target(KEY)).tags["rollback_reason"]

    assert len(reason) == kept <= TAG_CHARS_MAX
    assert reason.endswith("…") is (length > kept)
