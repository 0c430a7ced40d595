"""The report that a load of the sensor table leaves (environment/sensor_model/etl.py): what the app reads of it."""

from pydantic import Field

from shared.contracts.inbound.wire import Wire
from shared.domain.etl.load import LoadSummary

_TOLD_MAX = 10


class _Files(Wire):
    quarantined_count: int = Field(ge=0)


class _Rows(Wire):
    violation: int = Field(ge=0)
    late: int = Field(ge=0)


class EtlReport(Wire):
    """As much as it takes to tell people how a load went."""

    files: _Files
    rows: _Rows
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def summary(self) -> LoadSummary:
        """In the domain's words; of many warnings or problems the first ten."""
        return LoadSummary(
            quarantined=self.files.quarantined_count,
            violations=self.rows.violation,
            late_rows=self.rows.late,
            warnings=self.warnings[:_TOLD_MAX],
            problems=self.problems[:_TOLD_MAX],
        )
