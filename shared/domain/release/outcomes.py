"""What was found at a deployment, and what became of one try at a target: the words in which steps answer."""

from enum import StrEnum


class Running(StrEnum):
    """What a deployment runs, compared with what the step wants."""

    WANTED = "wanted"
    OTHER = "other"
    NOTHING = "nothing"


class Outcome(StrEnum):
    """What became of one try of a check or a change."""

    DONE = "done"  # judged, or read back as wanted
    PENDING = "pending"  # under way, or nobody knows: look again
    TAKEN = "taken"  # nothing was sent: `detail` names who has the circuit now
    BUSY = "busy"  # nothing was sent: other work, which `detail` names, stands before it
    FROZEN = "frozen"  # nothing was sent: a freeze, which `detail` names, stands before the change
    OCCUPIED = "occupied"  # nothing was sent: `detail` names the release that has the circuit for a while
    REGAINED = "regained"  # nothing was sent: the circuit is the release's own again, under another epoch
    ERRORED = "errored"  # a technical fault: try again
    REFUSED = "refused"  # trying again cannot help
