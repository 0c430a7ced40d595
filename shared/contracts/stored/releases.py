"""How releases are kept, with their targets and the entries of their history."""

from shared.contracts.stored.form import StoredForm
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Release, Target

RELEASE = StoredForm("release", Release)
TARGET = StoredForm("target", Target)
FLEET_TARGET = StoredForm("fleet_target", FleetTarget)
ENTRY = StoredForm("entry", HistoryEntry)
