"""How training runs are kept."""

from shared.contracts.stored.form import SCHEMA_V, StoredForm
from shared.domain.training.model import TrainingRun

# Before there was a version, the text was the run itself.
TRAINING = StoredForm("training", TrainingRun, upgraded=lambda run: {"schema_v": SCHEMA_V, "training": run})
