"""Names with placeholders in `config/policies.yml`, checked so that every circuit gets a name that Azure ML takes."""

import re
from dataclasses import dataclass
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.domain.names import ASSET_NAME

LONGEST_IDS = {"plant_id": "P999999", "circuit_id": "C999999"}
"""The longest ids circuit_config allows: a name that is short enough with these fits every circuit."""


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """Checks a name with placeholders: the needed ones only, and a name the platform takes."""

    needed: frozenset[str]
    name: re.Pattern[str]
    length_max: int

    def __call__(self, template: str) -> str:
        try:
            parts = list(Formatter().parse(template))
        except ValueError as error:
            raise PydanticCustomError("template", "cannot be read: {error}", {"error": str(error)}) from error
        found = [name for _, name, _, _ in parts if name is not None]
        plain = all(not spec and not conversion for _, _, spec, conversion in parts)
        if not plain or sorted(found) != sorted(self.needed):
            wanted = " and ".join(f"{{{name}}}" for name in sorted(self.needed))
            raise PydanticCustomError("template", "must hold {wanted} once and nothing else", {"wanted": wanted})
        name = template.format_map(LONGEST_IDS)
        if len(name) > self.length_max or not self.name.fullmatch(name):
            raise PydanticCustomError("template", "gives {name}, which Azure ML refuses", {"name": name})
        return template


_BATCH_NAME = re.compile(r"[a-z](-?[a-zA-Z0-9]){2,31}")
_ASSET_NAME = re.compile(ASSET_NAME)

EndpointTemplate = Annotated[
    str,
    Field(description="name with {plant_id}: 3 to 32 letters, digits and single dashes, small letter first"),
    AfterValidator(NameTemplate(frozenset({"plant_id"}), _BATCH_NAME, 32)),
]
DeploymentTemplate = Annotated[
    str,
    Field(description="name with {circuit_id}: 3 to 32 letters, digits and single dashes, small letter first"),
    AfterValidator(NameTemplate(frozenset({"circuit_id"}), _BATCH_NAME, 32)),
]
RegistryModelTemplate = Annotated[
    str,
    Field(description="name with {plant_id} and {circuit_id}: at most 255 letters, digits, _ . and -"),
    AfterValidator(NameTemplate(frozenset({"plant_id", "circuit_id"}), _ASSET_NAME, 255)),
]
