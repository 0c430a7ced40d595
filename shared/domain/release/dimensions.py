"""The two dimensions of a deployment, its model and its environment: who brought each, and how one of them changes.

An environment is `environment` and the tags of ENVIRONMENT_TAGS; everything else belongs to the model, because a model
release writes it. Azure ML replaces deployments whole, so that who changes one dimension must write the other again.
"""

from collections.abc import Iterable

from shared.domain.records import replace
from shared.domain.release.model import DeploymentSpec, Dimension, Kind, Release

#: Who brought each dimension last. `release_id`, beside them, is the last writer that brought anything.
RELEASE_TAGS = {Dimension.MODEL: "model_release", Dimension.ENVIRONMENT: "environment_release"}

ENVIRONMENT_TAGS = frozenset(
    {"environment_version", "environment_updated_at", "previous_environment", RELEASE_TAGS[Dimension.ENVIRONMENT]}
)

#: Marks of a version in the registry from which production went back: by which rollback, when and why.
ROLLED_BACK_TAGS = ("rolled_back_by", "rolled_back_at", "rollback_reason")

#: What putting back leaves on a deployment; it is no part of what ran before.
MARKS = frozenset({"restored_by_release", "rolled_back_at", "rollback_reason"})


def brought_by(spec: DeploymentSpec, dimension: Dimension) -> str:
    """The release that brought this dimension last; empty when nobody knows.

    Deployments that know no dimensions have one writer, who brought both. Only a release of an environment leaves
    `environment_updated_at`: what it found it kept, and whose model that was is forgotten. A writer that none of the
    two tags names knew no dimensions and came after them: it was a release of an environment, since one of a model
    keeps no tags.
    """
    last, named = spec.tags.get("release_id", ""), {each: spec.tags.get(tag, "") for each, tag in RELEASE_TAGS.items()}
    if not any(named.values()):
        return "" if dimension is Dimension.MODEL and "environment_updated_at" in spec.tags else last
    if dimension is Dimension.ENVIRONMENT and last and last not in named.values():
        return last
    return named[dimension]


def is_from(spec: DeploymentSpec, dimension: Dimension, release: Release) -> bool:
    """Whether `release` was the last to bring this dimension. A model whose release is forgotten is known by its id,
    because a version was released once then; what nobody of ours wrote is from nobody."""
    by = brought_by(spec, dimension)
    forgotten = not by and dimension is Dimension.MODEL and "release_id" in spec.tags
    return by == release.release_id or (forgotten and spec.model == release.registry_model_id)


def brings(release: Release, previous: DeploymentSpec | None) -> tuple[Dimension, ...]:
    """What a release that goes forward changed where `previous` ran: a model can bring its environment with it."""
    if release.kind is not Kind.MODEL:
        return (Dimension.ENVIRONMENT,)
    if previous is not None and previous.environment == release.registry_environment_id:
        return (Dimension.MODEL,)
    return (Dimension.MODEL, Dimension.ENVIRONMENT)


def unmarked(spec: DeploymentSpec) -> DeploymentSpec:
    """Without what putting back leaves on a deployment."""
    return replace(spec, tags=_without(spec.tags, MARKS))


def kept_tags(spec: DeploymentSpec, dimension: Dimension) -> dict[str, str]:
    """The tags of one dimension, with the release that brought it, as whoever changes the other one writes them again.
    Neither `release_id` nor marks are among them."""
    is_of = {name: (name in ENVIRONMENT_TAGS) is (dimension is Dimension.ENVIRONMENT) for name in spec.tags}
    tags = {name: value for name, value in _without(spec.tags, MARKS | {"release_id"}).items() if is_of[name]}
    by = brought_by(spec, dimension)
    return {**tags, RELEASE_TAGS[dimension]: by} if by else tags


def same(dimension: Dimension, one: DeploymentSpec, other: DeploymentSpec) -> bool:
    """Whether both run the same in this dimension, whoever brought it; times, descriptions and the code's id differ by
    nature."""
    if dimension is Dimension.ENVIRONMENT:
        return one.environment == other.environment
    return (one.model, one.scoring_script, one.mini_batch_size, one.environment_variables) == (
        other.model,
        other.scoring_script,
        other.mini_batch_size,
        other.environment_variables,
    )


def with_dimension(running: DeploymentSpec, dimension: Dimension, recorded: DeploymentSpec) -> DeploymentSpec:
    """What runs, with this dimension as it was recorded and the other one left alone; without marks."""
    model, environment = (recorded, running) if dimension is Dimension.MODEL else (running, recorded)
    tags = kept_tags(model, Dimension.MODEL) | kept_tags(environment, Dimension.ENVIRONMENT)
    if RELEASE_TAGS[Dimension.MODEL] not in tags and running.model == recorded.model:
        tags |= kept_tags(recorded, Dimension.MODEL)
    if last := _last_writer(tags, running, recorded, dimension):
        tags["release_id"] = last
    return replace(model, environment=environment.environment, tags=tags)


def _last_writer(tags: dict[str, str], running: DeploymentSpec, recorded: DeploymentSpec, dimension: Dimension) -> str:
    """Whoever wrote last of those whose work still runs: what went back is nobody's work any more."""
    own = RELEASE_TAGS[dimension]
    here = {tags.get(name, "") for name in RELEASE_TAGS.values()}
    writers = (running.tags.get("release_id", ""), recorded.tags.get("release_id", ""), tags.get(own, ""))
    return next((by for by in writers if by and by in here), "")


def _without(tags: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name not in names}
