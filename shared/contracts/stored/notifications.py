"""How facts that people are told of, and the messages to them, are kept."""

from shared.contracts.stored.form import StoredForm
from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.notice import Notice

NOTICE = StoredForm("notice", Notice)
DELIVERY = StoredForm("delivery", Delivery)
