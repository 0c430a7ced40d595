"""High drift calls for a later cutoff date: the change is recorded once per circuit and quarter, then proposed.

Without source control (a dry run, the default) the exact difference is recorded and shown, and nothing is sent.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from shared.application.errors import PlatformErrored, PlatformRefused, TransientFault
from shared.application.routines.ports import RoutinePorts
from shared.domain.errors import Conflict
from shared.domain.names import file_of
from shared.domain.routines.cutoff import ChangedText, Proposal, ProposalState, branch_of, with_cutoff
from shared.domain.routines.task import Task, days_of

log = logging.getLogger(__name__)

PROPOSE_DEADLINE_S = 86_400
"""Source control that does not answer for a day is given up on; the proposal says so and stays planned."""


async def propose_cutoff(task: Task, ports: RoutinePorts) -> Proposal:
    """Proposes that the circuit is trained on the drifted quarter as well. Raises TransientFault: try later."""
    proposal = await ports.proposals.claim(_planned(task, ports))
    is_sent = proposal.state in (ProposalState.OPENED, ProposalState.NOT_NEEDED)
    if is_sent or (proposal.state is ProposalState.DRY_RUN and ports.source_control is None):
        return proposal
    try:
        done = await _proposed(proposal, task.detail, ports)
    except (PlatformRefused, Conflict) as error:
        done = replace(proposal, note=str(error)[:500])
    except (TransientFault, PlatformErrored) as error:
        if ports.clock.now() - proposal.proposed_at < timedelta(seconds=PROPOSE_DEADLINE_S):
            raise TransientFault(f"the change of {proposal.path} could not be proposed: {error}") from error
        done = replace(proposal, note=f"given up: {error}"[:500])
    if done != proposal:
        await ports.proposals.save(done, proposal)
    return done


async def _proposed(proposal: Proposal, why: str, ports: RoutinePorts) -> Proposal:
    source = ports.source_control or ports.local_files
    change = with_cutoff(await source.read(proposal.path), proposal.path, proposal.cutoff_date)
    if change is None:
        note = f"{proposal.path} has this cutoff date, or a later one"
        return replace(proposal, state=ProposalState.NOT_NEEDED, note=note)
    proposal = replace(proposal, diff=change.diff, body=_body(proposal, change, why), note="")
    if ports.source_control is None:
        log.info("dry run: a pull request %r would be opened", proposal.title)
        return replace(proposal, state=ProposalState.DRY_RUN)
    url = await ports.source_control.propose(
        {proposal.path: change.text}, branch=proposal.branch, title=proposal.title, body=proposal.body
    )
    return replace(proposal, state=ProposalState.OPENED, url=url)


def _planned(task: Task, ports: RoutinePorts) -> Proposal:
    """The new cutoff date is the drifted quarter's last day, so that the next training learns all of it."""
    last = days_of(task.routine, task.period)[1]
    return Proposal(
        circuit=task.circuit,
        period=task.period,
        state=ProposalState.PLANNED,
        path=file_of(task.circuit),
        branch=branch_of(task.circuit, task.period),
        title=f"Train {task.plant_id}/{task.circuit_id} up to {last}: its data drifted in {task.period}",
        body="",
        diff="",
        cutoff_date=last,
        proposed_at=ports.clock.now(),
    )


def _body(proposal: Proposal, change: ChangedText, why: str) -> str:
    return (
        f"The input data of {proposal.circuit} drifted in {proposal.period}: {why}.\n\n"
        f"This moves the cutoff date from {change.old_cutoff} to {proposal.cutoff_date}. "
        "Merging it trains a new model and opens its release."
    )
