"""Commands about the model itself: read it, compare it, share it."""

from shared.application.errors import PlatformBlocked, PlatformRefused
from shared.application.online.endpoints import PLACES
from shared.application.online_platform import ComparisonJob
from shared.application.platform_ports import Place
from shared.application.release.effects.answers import answer
from shared.application.release.effects.makers import makers_of, requesters_of
from shared.application.release.effects.marks import rolled_back
from shared.application.release.ports import Ports
from shared.domain.job_ends import JobEnded
from shared.domain.online import events as o
from shared.domain.online.judging import judged_comparison
from shared.domain.online.model import EndpointFound, Side
from shared.domain.online.specs import online_of, plan_of
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Candidate, Dimension, Release, Verdict


async def verify_online(command: c.VerifyOnline, release: Release, ports: Ports) -> e.Event:
    """What counts is what Azure ML and the configuration in force say, not what was asked."""
    name, version, wish = command.model_name, command.model_version, online_of(release).wish
    plan = ports.config.online(wish.config)
    if plan is None:
        raise PlatformBlocked(
            f"there is no config/online/{wish.config}.yml in {ports.config.origin}: merge one, and retry"
        )
    model = await ports.platform.get_model(command.workspace, name, version)
    if model is None:
        raise PlatformBlocked(f"there is no model {name}:{version} in workspace {command.workspace}: register it there")
    if not version.isdigit():
        raise PlatformRefused(f"model version {version} is not an integer: register models unversioned")
    if wish.comparison_run and (said := model.tags.get("comparison_run", wish.comparison_run)) != wish.comparison_run:
        raise PlatformRefused(f"{name}:{version} was compared by {said}, not by {wish.comparison_run}")
    makers = await makers_of(model, (name, version), ports.model_makers, ports)
    candidate = Candidate(
        workspace=command.workspace,
        name=name,
        version=version,
        asset_id=model.asset_id,
        fingerprint=model.fingerprint,
        requesters=requesters_of(makers),
        makers=makers,
        archived=model.archived,
        tags=model.tags,
        rolled_back=await rolled_back(Dimension.MODEL, plan.registry_model_name, version, ports),
    )
    serving = await ports.online.get_endpoint(PLACES[Side.PRODUCTION], plan.production.endpoint_name)
    return answer(
        o.OnlineVerified,
        command,
        ports,
        candidate=candidate,
        plan=plan,
        configuration=ports.config.origin,
        branch=wish.branch or model.tags.get("git_branch", ""),
        baseline_model=_most_served(serving),
    )


def _most_served(found: EndpointFound | None) -> str:
    """The model that gets most of the traffic."""
    served = [(share, slot) for slot, share in (found.traffic.items() if found else ()) if share]
    slot = found.slot(max(served)[1]) if found and served else None
    return slot.spec.model if slot else ""


async def start_comparison(command: c.StartComparison, release: Release, ports: Ports) -> e.Event:
    """Submits the job under a name that follows from the step, so that submitting it again makes no second one; a job
    that was named is taken as it is."""
    online, plan, candidate = online_of(release), plan_of(release), release.candidate
    if candidate is None:
        raise ValueError(f"release {release.release_id} has no verified candidate to compare")
    if not online.wish.comparison_run:
        environment = f"azureml:{plan.environment_name}:{plan.environment_version}"
        await ports.online.submit_comparison(
            ComparisonJob(
                job_name=command.job_name,
                candidate=candidate.asset_id,
                baseline=online.baseline_model,
                code=plan.comparison.code,
                script=plan.comparison.script,
                environment=environment,
                compute=plan.comparison.compute,
                data_uri=plan.comparison.data_uri,
            )
        )
    return answer(e.TestStarted, command, ports, job_name=command.job_name)


async def observe_comparison(command: c.ObserveComparison, release: Release, ports: Ports) -> e.Event:
    """Judges an ended job by its report. A job that failed says nothing about the model: it is a technical fault."""
    job = await ports.platform.get_job(Place.DEV, command.job_name)
    if job is None:
        return _compared(command, Verdict.ERRORED, f"there is no job {command.job_name}", ports)
    if job.end is None:
        return answer(e.TestStillRunning, command, ports, job_name=command.job_name, detail=job.status)
    if job.end is not JobEnded.COMPLETED:
        return _compared(command, Verdict.ERRORED, job.told, ports)
    online = online_of(release)
    try:
        report = await ports.online.read_comparison(command.job_name)
    except PlatformBlocked:
        raise
    except PlatformRefused as error:
        return _compared(command, Verdict.INCONCLUSIVE, str(error), ports)
    verdict, detail, comparison = judged_comparison(report, online.baseline_model)
    about = {"comparison": comparison} if comparison else {}
    return _compared(command, verdict, detail, ports, **about)


def _compared(command: c.ObserveComparison, verdict: Verdict, detail: str, ports: Ports, **about: object) -> e.Event:
    return answer(o.Compared, command, ports, job_name=command.job_name, verdict=verdict, detail=detail, **about)


async def promote_online(command: c.PromoteOnline, release: Release, ports: Ports) -> e.Event:
    """Shares what was compared: a model that changed since is refused (I2, I5). The tags come after the share, and
    again with every repetition."""
    candidate, plan = command.candidate, plan_of(release)
    model = await ports.platform.get_model(candidate.workspace, candidate.name, candidate.version)
    if model is None:
        raise PlatformBlocked(f"there is no model {candidate.name}:{candidate.version} any more: restore it")
    if model.fingerprint != candidate.fingerprint:
        raise PlatformRefused(f"model {candidate.name}:{candidate.version} changed after it was compared")
    name = plan.registry_model_name
    model_id = await ports.platform.promote_model(candidate.workspace, candidate.name, candidate.version, name)
    await ports.platform.mark(Dimension.MODEL, name, candidate.version, command.tags)
    environment_id = await ports.platform.promote_environment(
        candidate.workspace, plan.environment_name, plan.environment_version
    )
    return answer(
        e.CandidatePromoted, command, ports, registry_model_id=model_id, registry_environment_id=environment_id
    )
