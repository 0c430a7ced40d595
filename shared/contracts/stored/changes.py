"""How changes are kept."""

from shared.contracts.stored.form import StoredForm
from shared.domain.changes.record import ChangeRecord

CHANGE = StoredForm("change", ChangeRecord)
