"""Who made the models that trainings of the app registered, by the record of their run."""

from collections.abc import Mapping

from shared.application.errors import PlatformBusy
from shared.application.training.ports import TrainingStore
from shared.domain.makers import Account, AccountKind, named_in
from shared.domain.training.lineage import TRAINING_RUN
from shared.domain.training.model import TrainingPhase

_HAS_ITS_MODEL = (TrainingPhase.RECORDING, TrainingPhase.SUCCEEDED)


class RecordedRuns:
    """MakerRecords of models."""

    def __init__(self, runs: TrainingStore) -> None:
        self._runs = runs

    async def makers_of(self, name: str, version: str, tags: Mapping[str, str]) -> tuple[Account, ...] | None:
        """Of a model that names its run in a tag: only the run itself says whether the model is its own."""
        run_id = tags.get(TRAINING_RUN, "")
        stored = await self._runs.load(run_id) if run_id else None
        if stored is None or (stored.run.model_name, stored.run.model_version) != (name, version):
            return None
        run, wish = stored.run, stored.run.request
        if run.phase is TrainingPhase.REGISTERING_MODEL:
            raise PlatformBusy(f"training run {run_id} is registering {name}:{version}")
        if run.phase not in _HAS_ITS_MODEL:
            return None
        asked = wish.makers or (Account(kind=AccountKind.TAG, name=wish.author),)  # stored before makers were
        return (*asked, *named_in(tags, "pr_author", "requested_by", but_not=(wish.author,)))
