"""How releases are kept, with their targets, the entries of their history, and their summaries in the indexes."""

from shared.application.release.summary import Summary
from shared.contracts.stored.form import StoredForm
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Release, Target

RELEASE = StoredForm("release", Release)
TARGET = StoredForm("target", Target)
FLEET_TARGET = StoredForm("fleet_target", FleetTarget)
SUMMARY = StoredForm("summary", Summary)
ENTRY = StoredForm("entry", HistoryEntry)
