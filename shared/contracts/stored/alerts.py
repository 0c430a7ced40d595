"""How alerts are kept."""

from shared.contracts.stored.form import StoredForm
from shared.domain.alerts.model import AlertRecord

ALERT = StoredForm("alert", AlertRecord)
