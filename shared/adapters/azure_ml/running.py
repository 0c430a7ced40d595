"""RunningEnvironments by what production's endpoints list: which environment each circuit runs, whatever files say."""

from collections.abc import Collection, Mapping

from shared.application.platform_ports import EnvironmentPlatform, Place
from shared.application.release.ports import ReleaseConfig
from shared.domain.release.lowering import asset_of


class ListedEnvironments:
    """One request for each endpoint that has one of the circuits."""

    def __init__(self, environments: EnvironmentPlatform, config: ReleaseConfig) -> None:
        self._environments = environments
        self._config = config

    async def running(self, circuits: Collection[str]) -> Mapping[str, str]:
        """The versions of the fleet's environment, by circuit."""
        name = self._config.fleet().environment_name
        plans = {key: self._config.plan(*key.split("-", 1)) for key in circuits}
        found: dict[str, str] = {}
        for endpoint in sorted({plan.endpoint_name for plan in plans.values() if plan}):
            for state in await self._environments.list_deployments(Place.PRODUCTION, endpoint):
                running, version = asset_of(state.spec.environment)
                if running == name and state.spec.circuit in plans:
                    found[state.spec.circuit] = version
        return found
