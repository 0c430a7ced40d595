"""Commands for training: train a circuit, see what trains, abort it, read where a model comes from."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from cli.api import ApiError, ApiUnavailableError, ReleaseApi, parse
from cli.endings import ENDED_OTHERWISE
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import console, talking
from cli.show import span, until
from cli.training_views import SUCCEEDED, Lineage, Training, Trainings, lineage_panel, training_panel, trainings_table
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable

UNAVAILABLE_MAX_S = 60.0
"""How long a watched training puts up with an app that does not answer, for example while it is being deployed."""

Plant = Annotated[str, typer.Option("--plant", help="Plant id, such as P001.")]
Circuit = Annotated[str, typer.Option("--circuit", help="Circuit id, such as C001.")]
Cutoff = Annotated[
    str,
    typer.Option(
        "--cutoff-date", help="Last day of training data, YYYY-MM-DD; that of the circuit's file, if left out."
    ),
]
Watch = Annotated[bool, typer.Option("--watch", help="Follow the run until it ends.")]
Every = Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")]
RunId = Annotated[
    str, typer.Argument(metavar="ID", help="The run's id, its beginning or end, or a circuit such as P001/C001.")
]
OneRun = Annotated[str, typer.Argument(metavar="[ID]", help="A run's id, a part of it, or a circuit: shows that run.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with the run.")]
Version = Annotated[str, typer.Option("--version", help="The model's version, an integer.")]
Model = Annotated[str, typer.Option("--model", help="The model's name, instead of plant and circuit.")]


def train(
    context: typer.Context,
    plant: Plant,
    circuit: Circuit,
    cutoff_date: Cutoff = "",
    watch: Watch = False,
    every_s: Every = 2.0,
    as_json: AsJson = False,
) -> None:
    """Train a circuit's model by hand, as the configuration in force says.

    With --watch, exit status 0 when the model is registered, 3 when the run ended otherwise.
    """
    wish = {"plant_id": plant, "circuit_id": circuit, **({"cutoff_date": cutoff_date} if cutoff_date else {})}
    with talking(context) as api:
        answer = api.train(wish)
        run = parse(Training, answer)
        if as_json:
            print_json(answer)
        elif run.ended:
            say(f"This was trained before, as {run.run_id}: {run.told}")
        else:
            say(f"Training {plant}/{circuit} up to {run.cutoff_date}: {run.run_id}")
            if not watch:
                say(f"Look at it:  {COMMAND} trainings {run.run_id}")
        if watch and not run.ended:
            run = _follow(api, run, every_s)
    if watch:
        put(training_panel(run, datetime.now(UTC)))
        if run.phase != SUCCEEDED:
            raise typer.Exit(ENDED_OTHERWISE)
        say(f"Its release:  {COMMAND} show {run.release_id}")


def trainings(
    context: typer.Context,
    run_id: OneRun = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to list.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List open training runs, then ended ones, the latest end first, or show one run."""
    with talking(context) as api:
        answer = api.training(run_id) if run_id else api.trainings(limit)
        if as_json:
            print_json(answer)
        elif run_id:
            put(training_panel(parse(Training, answer), datetime.now(UTC)))
        else:
            tell_unreadable(answer)
            listed = parse(Trainings, answer)
            if not listed.trainings:
                say(f"No model was trained yet: {COMMAND} train --plant P001 --circuit C001")
                return
            put(trainings_table(listed.trainings, datetime.now(UTC)))
            say(f"{len(listed.slots)} of {listed.parallel_max} training slots are taken.")
            say(f"Look at one with:  {COMMAND} trainings <run>")


def abort_training(context: typer.Context, run_id: RunId, reason: Why) -> None:
    """End a training run: its job is cancelled and its slot goes to the next one."""
    with talking(context) as api:
        run = parse(Training, api.abort_training(run_id, reason))
        said = "has ended" if run.ended else f"is ending, and waits for {run.waits_for}"
        say(f"{run.run_id} {said}.")


def lineage(
    context: typer.Context,
    version: Version,
    plant: Plant = "",
    circuit: Circuit = "",
    model: Model = "",
    as_json: AsJson = False,
) -> None:
    """Show where a model comes from: data asset and filter, job, commit, pull request.

    Exit status 1 when what Azure ML recorded and what the model's tags say differ.
    """
    with talking(context) as api:
        if bool(model) == bool(plant and circuit):
            raise ApiError("say which model: give --plant and --circuit, or --model")
        answer = api.lineage(version, model=model, plant=plant, circuit=circuit)
        told = parse(Lineage, answer)
        if as_json:
            print_json(answer)
        else:
            put(lineage_panel(told))
        if not told.run_id:
            raise ApiError("this model was not trained by Switchyard: what it was trained on is unknown")
        if not told.consistent:
            raise ApiError("what the job read, the data asset and the model's tags do not agree")


def _follow(api: ReleaseApi, run: Training, every_s: float) -> Training:
    """The run once it has ended; every phase it enters is a line."""
    spinner, failing_since = Spinner("dots"), 0.0
    shown = ("", 0)
    with Live(spinner, console=console, transient=True, refresh_per_second=4):
        while not run.ended:
            now = datetime.now(UTC)
            if (run.phase, run.attempt) != shown:
                shown = (run.phase, run.attempt)
                say(f"{run.phase}" + (f", try {run.attempt}" if run.attempt > 1 else ""))
            waited = f"{span(now - run.since)}: {run.waits_for}; until {until(run.deadline_at, now)}"
            spinner.update(text=Text(waited))
            time.sleep(every_s)
            try:
                run, failing_since = parse(Training, api.training(run.run_id)), 0.0
            except ApiUnavailableError:
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > UNAVAILABLE_MAX_S:
                    raise
    return run
