"""Records that never change: another one with some fields changed.

`replace` is `dataclasses.replace` in half of the time and less: it copies the fields instead of handing each to the
constructor. A release has more than forty, and every event changes it several times.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace  # so that the type checker knows the fields
else:

    def replace(record: Any, /, **changes: Any) -> Any:
        """The record with these fields. Raises TypeError for a field that it does not have."""
        known = record.__dict__
        changed = object.__new__(type(record))
        changed.__dict__.update(known)
        changed.__dict__.update(changes)
        if len(changed.__dict__) != len(known):
            raise TypeError(f"{type(record).__name__} has no {', '.join(sorted(changes.keys() - known.keys()))}")
        if hasattr(changed, "__post_init__"):
            changed.__post_init__()
        return changed
