"""Where a release can be, of which kind it is, and what a check can say."""

from enum import StrEnum

from shared.domain.release.policy import Stage


class Kind(StrEnum):
    """What is released."""

    MODEL = "model"  # one model version, to its one circuit
    ENVIRONMENT = "environment"  # one environment version, to every deployment of the fleet
    ROLLBACK = "rollback"  # what an ended release changed goes back to what ran before it
    ONLINE = "online"  # one model version, to the slots of its online endpoints


class Dimension(StrEnum):
    """A deployment has two, which change independently of each other (`dimensions.py`)."""

    MODEL = "model"
    ENVIRONMENT = "environment"


class Phase(StrEnum):
    """Where a release is. What may follow what is in the table of its kind: `model_machine.py`, in
    `shared/domain/fleet/` `environment_machine.py` and `rollback_machine.py`, and `shared/domain/online/machine.py`."""

    VERIFYING = "verifying"  # the candidate is read again from Azure ML: an event is only a hint
    AWAITING_REGISTRY_APPROVAL = "awaiting_registry_approval"
    PROMOTING = "promoting"
    WAITING_FOR_CIRCUIT = "waiting_for_circuit"  # another release holds the circuit
    DEPLOYING_TEST = "deploying_test"
    TESTING = "testing"
    AWAITING_PRODUCTION_APPROVAL = "awaiting_production_approval"
    RECORDING_PREVIOUS = "recording_previous"  # production's full state becomes durable before its first change
    DEPLOYING_PRODUCTION = "deploying_production"
    WAITING_FOR_FLEET = "waiting_for_fleet"  # other releases still hold circuits
    FREEZING_TARGETS = "freezing_targets"  # what production really runs becomes the set of targets
    CHECKING = "checking"  # every model is tested in the new environment
    UPDATING = "updating"  # one deployment after the other on each endpoint, all endpoints at once
    WATCHING = "watching"  # production runs the environment; alerts may roll it back
    AWAITING_ROLLBACK_APPROVAL = "awaiting_rollback_approval"
    ROLLING_BACK = "rolling_back"  # every changed deployment goes back to its *previous*
    VERIFYING_ROLLBACK = "verifying_rollback"  # sample inferences on what was put back
    COMPARING = "comparing"  # a job compares the candidate with what production serves
    WAITING_FOR_ENDPOINT = "waiting_for_endpoint"  # another release holds one of the endpoints
    RECORDING_DEV = "recording_dev"  # what the endpoint in dev serves becomes durable, and the slot is chosen
    DEPLOYING_DEV = "deploying_dev"  # the slot in dev comes up, without traffic
    TESTING_DEV = "testing_dev"  # the slot in dev is asked by its name
    MOVING_DEV_TRAFFIC = "moving_dev_traffic"
    TESTING_PRODUCTION = "testing_production"
    MOVING_TRAFFIC = "moving_traffic"  # production's traffic goes to the new slot, step by step
    REMOVING_SLOTS = "removing_slots"  # what served before and serves nothing any more is deleted
    SETTLING = "settling"  # the outcome of a change to production is unknown: wait, then look
    RESTORING = "restoring"  # production goes back to *previous*
    HELD = "held"  # a person must retry or abort
    RELEASED = "released"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABORTED = "aborted"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"  # it waited behind a newer version of the same
    COMPARED = "compared"  # it was compared, which is all that was asked for

    @property
    def is_terminal(self) -> bool:
        """True when nothing moves the release any more."""
        return self in TERMINAL


TERMINAL = frozenset(
    {
        Phase.RELEASED,
        Phase.REJECTED,
        Phase.EXPIRED,
        Phase.ABORTED,
        Phase.FAILED,
        Phase.ROLLED_BACK,
        Phase.SUPERSEDED,
        Phase.COMPARED,
    }
)

#: The phases in which people decide, and the stage whose gate it is.
GATE_OF_PHASE = {
    Phase.AWAITING_REGISTRY_APPROVAL: Stage.REGISTRY,
    Phase.AWAITING_PRODUCTION_APPROVAL: Stage.PRODUCTION,
    Phase.AWAITING_ROLLBACK_APPROVAL: Stage.ROLLBACK,
}

#: How what a release waits for begins where that is work of Azure ML.
AZURE_ML = "Azure ML: "

#: The phases in which a step is carried out: it is looked at again and again until it answers. In all others people
#: decide, or it is over.
LOOKED_AT = frozenset(Phase) - TERMINAL - set(GATE_OF_PHASE) - {Phase.HELD}


class Verdict(StrEnum):
    """What a check said: quality (`failed`), technology (`errored`) and "cannot tell" have different next steps."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    INCONCLUSIVE = "inconclusive"
