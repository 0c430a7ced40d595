"""What the deployed model says about itself: the tags that its predictions are judged by."""

from collections.abc import Mapping

from shared.application.platform_ports import ModelPlatform, Place
from shared.domain.routines.task import Task


async def model_tags(task: Task, models: ModelPlatform) -> Mapping[str, str]:
    """The tags of the task's deployment; none once it runs another model, whose ranges and errors are its own. Raises
    the Platform* errors."""
    state = await models.get_deployment(Place.PRODUCTION, task.endpoint_name, task.deployment_name)
    return state.spec.tags if state and state.spec.model == task.model else {}
