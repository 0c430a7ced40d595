"""What crosses our HTTP border about versions of the fleet's environment, version 1."""

from pydantic import Field

from shared.contracts.base import Contract


class EnvironmentVersionView(Contract):
    """A version in the shared registry that models keep working in, with what its tags say about it."""

    version: str
    change_summary: str
    tensorflow_version: str
    registered_at: str
    registered_by: str


class EnvironmentVersionList(Contract):
    """The lowest version first."""

    name: str
    running: str | None = Field(description="The versions are those that can take the place of this one.")
    versions: list[EnvironmentVersionView]


def environment_versions_of(
    name: str, running: str | None, found: list[tuple[str, dict[str, str]]]
) -> EnvironmentVersionList:
    """`found` are versions with their tags; a tag that is not there is empty text."""
    shown = [field for field in EnvironmentVersionView.model_fields if field != "version"]
    versions = [
        EnvironmentVersionView(version=version, **{tag: tags.get(tag, "") for tag in shown}) for version, tags in found
    ]
    return EnvironmentVersionList(name=name, running=running, versions=versions)
