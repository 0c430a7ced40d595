"""Every route of the HTTP API, once. To serve one more, declare it here and write its handler."""

from functools import partial

from shared.contracts.http.paging import LISTED_DEFAULT, LISTED_MAX
from shared.contracts.http.route import JSON, Access, Body, Query, Route

NOTEBOOK_TYPES = ("application/x-ipynb+json", JSON)
"""The content types of an uploaded notebook."""

_get = partial(Route, "GET", told={200: "OK"}, refusals=(404,))
_post = partial(Route, "POST", refusals=(400, 404, 409))
_decide = partial(_post, answer="releases.Accepted", told={200: "Done already", 202: "Accepted; follow the release"})
_ASKED_OF_PRODUCTION = (400, 404, 409, 502)
"""The refusals of calls that read what production runs: Azure ML may refuse that for good."""
_train = partial(_post, answer="training.TrainingView", told={200: "Done already", 202: "Accepted; follow it"})
_start = partial(_post, answer="inference.RoutineAccepted", told={202: "Accepted; follow it"}, refusals=(400,))
_take_webhook = partial(
    _post,
    answer="changes.WebhookAnswer",
    told={200: "Known already, or ignored for a reason", 202: "Accepted; it is looked at in a moment"},
    refusals=(400, 404, 413),
    body=Body(),  # the sender's own form
)
_of_fleet = partial(_get, refusals=(400, 404, 409))
"""What releases of another kind have not: asked of one, it is a conflict."""

_LIMIT = Query("limit", {"type": "integer", "minimum": 1, "maximum": LISTED_MAX, "default": LISTED_DEFAULT})


_PAGE = (_LIMIT, Query("after", {"type": "string", "description": "`next` of the page before"}))
_LISTED_RELEASES = (
    *_PAGE,
    Query("phase", {"type": "string"}),
    Query("kind", {"type": "string"}),
    Query("circuit", {"type": "string", "description": "P001-C001: releases that are for this circuit"}),
    Query("since", {"type": "string", "format": "date-time", "description": "Those whose phase began then or later"}),
    Query("waiting_for", {"type": "string", "enum": ["me"], "description": "Those that the caller can move on"}),
)


def _text(name: str, description: str) -> Query:
    return Query(name, {"type": "string", "description": description})


def _choice(name: str, *choices: str) -> Query:
    """One of `choices`, the first unless the caller says otherwise."""
    return Query(name, {"type": "string", "enum": list(choices), "default": choices[0]})


BOARD = (
    _get(
        "board.read_board_settings",
        "board-settings",
        "Read how people sign in to the board",
        "board.BoardSettings",
        refusals=(),
        access=Access.PUBLIC,  # the board asks before anybody is signed in; nothing in it is secret
    ),
)

_tell = partial(_get, access=Access.PUBLIC)  # whoever looks after the app has no token, and nothing in it is secret
SERVICE = (
    _tell("service.read_health", "health", "Ask whether the app lives", "service.Alive", refusals=(503,)),
    _tell("service.read_version", "version", "Ask which release it is", "service.AppVersion", refusals=()),
)

ALERTS = (
    _post(
        "alerts.accept_alert",
        "alerts",
        "Take an alert of Azure Monitor",
        "alerts.AlertAccepted",
        told={200: "Accepted before", 202: "Accepted; it is looked at in a moment"},
        refusals=(400, 413),
        body=Body(),  # Azure Monitor's common alert schema
    ),
    _get("alerts.list_alerts", "alerts", "List alerts", "alerts.AlertList", refusals=(400, 404), query=_PAGE),
)

RELEASES = (
    _get(
        "releases.list_releases",
        "releases",
        "List releases",
        "releases.ReleaseList",
        refusals=(400,),
        query=_LISTED_RELEASES,
    ),
    _get("releases.read_release", "releases/{release_id}", "Read a release", "releases.ReleaseView"),
    _get("releases.read_history", "releases/{release_id}/history", "Read its history", "releases.HistoryList"),
    _get(
        "description.describe_api",
        "openapi.json",
        "Read this description",
        "",  # OpenAPI's own form
        refusals=(),
        access=Access.PUBLIC,  # it holds no data
    ),
    _decide(
        "releases.decide_on_gate",
        "releases/{release_id}/gates/{stage}/decisions",
        "Decide on a gate",
        body=Body("releases.DecisionRequest"),
    ),
    _get(
        "gates.list_gates",
        "gates",
        "List gates that wait for people",
        "gates.GateList",
        refusals=(400,),
        query=(_LIMIT, _choice("mine", "false", "true")),
    ),
    _post(
        "gates.decide_on_gates",
        "gates/decisions",
        "Decide on many gates",
        "gates.DecisionAnswers",
        told={200: "Each decision is answered by itself"},
        refusals=(400,),
        body=Body("gates.GateDecisions"),
    ),
    _decide("releases.abort_release", "releases/{release_id}/abort", "Abort", body=Body("releases.ReasonRequest")),
    _decide("releases.retry_release", "releases/{release_id}/retry", "Retry", body=Body("releases.ReasonRequest")),
    _decide(
        "releases.release_again",
        "releases/{release_id}/again",
        "Release its version again after it has ended",
        refusals=_ASKED_OF_PRODUCTION,
        body=Body("releases.ReasonRequest"),
    ),
    _decide(
        "releases.request_model_release",
        "model-releases",
        "Release a model version by hand",
        refusals=_ASKED_OF_PRODUCTION,
        body=Body("releases.ModelReleaseRequest"),
    ),
)

ENVIRONMENTS = (
    _decide(
        "environments.request_environment_release",
        "environment-releases",
        "Release an environment version",
        refusals=_ASKED_OF_PRODUCTION,
        body=Body("releases.EnvironmentReleaseRequest"),
    ),
    _decide(
        "environments.roll_back_release",
        "releases/{release_id}/rollback",
        "Roll back",
        body=Body("releases.RollbackRequest"),
    ),
    _of_fleet("environments.read_targets", "releases/{release_id}/targets", "Read its targets", "fleet.TargetList"),
    _of_fleet(
        "environments.read_rollback_report",
        "releases/{release_id}/rollback-report",
        "Read what a rollback did",
        "rollback.RollbackReport",
    ),
    _of_fleet(
        "environments.download_rollback_metadata",
        "releases/{release_id}/rollback-metadata",
        "Download what ran before",
        "fleet.RollbackRelease | fleet.RollbackList",
        query=(_choice("format", "release", "list"),),
    ),
    _get("fleet.read_fleet", "fleet", "Read what every circuit runs", "fleet_state.FleetView", refusals=()),
    _get(
        "environments.list_environment_versions",
        "environment-versions",
        "List versions of the environment that models keep working in",
        "environments.EnvironmentVersionList",
        refusals=(400, 502),
        query=(_text("running", "MAJOR.MINOR.PATCH: only versions that can take its place"),),
    ),
)

ONLINE = (
    _decide(
        "online.request_online_release",
        "online-releases",
        "Compare a model version and, if it is better, serve it online",
        refusals=_ASKED_OF_PRODUCTION,
        body=Body("online.OnlineReleaseRequest"),
    ),
    _of_fleet(
        "online.download_deployment_state",
        "releases/{release_id}/deployment-state",
        "Download what its endpoints served before and what was done to them",
        "online.OnlineState",
    ),
)

EVIDENCE = (
    _post(
        "evidence.submit_evidence",
        "releases/{release_id}/evidence",
        "Hand in an executed notebook",
        "evidence.EvidenceAccepted",
        told={200: "It is the release's evidence already", 202: "Accepted; what it is worth is told at once"},
        refusals=(400, 404, 409, 413),
        body=Body(content_types=NOTEBOOK_TYPES),
    ),
    _of_fleet(
        "evidence.read_evidence",
        "releases/{release_id}/evidence",
        "Read what its evidence is worth, or download it",
        "evidence.EvidenceView",
        query=(_choice("download", "0", "1"),),
        file=True,
    ),
)

FREEZES = (
    _post(
        "freezes.set_freeze",
        "freezes",
        "Freeze production",
        "freezes.FreezeView",
        told={200: "Done, or done already", 201: "Frozen"},
        body=Body("freezes.FreezeRequest"),
    ),
    _get("freezes.list_freezes", "freezes", "List freezes", "freezes.FreezeList"),
    _post(
        "freezes.lift_freeze",
        "freezes/{freeze_id}/lift",
        "Lift a freeze",
        "freezes.FreezeView",
        told={200: "Done, or done already"},
        body=Body("freezes.LiftRequest"),
    ),
)

CHANGES = (
    _take_webhook(
        "changes.accept_github_change",
        "changes/github",
        "Take a webhook of GitHub about a merged change",
        access=Access.GITHUB,
    ),
    _take_webhook(
        "changes.accept_azure_devops_change",
        "changes/azure-devops",
        "Take a webhook of Azure DevOps about a merged change",
        access=Access.AZURE_DEVOPS,
    ),
    _get("changes.list_changes", "changes", "List changes", "changes.ChangeList", refusals=(400, 404), query=_PAGE),
    _get("changes.read_change", "changes/{change_id}", "Read a change", "changes.ChangeView"),
)

TRAINING = (
    _train("training.train_circuit", "trainings", "Train a circuit", body=Body("training.TrainingWish")),
    _get(
        "training.list_trainings",
        "trainings",
        "List trainings",
        "training.TrainingList",
        refusals=(400, 404),
        query=_PAGE,
    ),
    _get("training.read_training", "trainings/{run_id}", "Read a training", "training.TrainingView"),
    _train(
        "training.abort_training",
        "trainings/{run_id}/abort",
        "Abort a training",
        body=Body("releases.ReasonRequest"),
    ),
    _get(
        "training.read_lineage",
        "models/{name}/{version}/lineage",
        "Read where a model comes from",
        "training.LineageView",
    ),
    _get(
        "training.read_circuit_lineage",
        "circuits/{plant_id}/{circuit_id}/models/{version}/lineage",
        "Read where a circuit's model comes from",
        "training.LineageView",
    ),
)

INFERENCE = (
    _get(
        "routines.read_inference",
        "inference",
        "Read a day's inference",
        "inference.InferenceView",
        refusals=(400,),
        query=(_text("date", "2026-01-31; the last day"),),
    ),
    _start("routines.start_inference", "inference", "Start a day's inference", body=Body("inference.InferenceRequest")),
)

MONITORING = (
    _get(
        "routines.read_monitoring",
        "monitoring",
        "Read the checks of performance and drift",
        "monitoring.MonitoringView",
        refusals=(400,),
        query=(_text("month", "2026-01; the last one"), _text("quarter", "2026-q1; the last one")),
    ),
    _start("routines.start_monitoring", "monitoring", "Start a check", body=Body("monitoring.MonitoringRequest")),
)

NOTIFICATIONS = (
    _get(
        "notifications.read_notifications",
        "releases/{release_id}/notifications",
        "Read who was told of it, and when",
        "notifications.NotificationList",
    ),
    _get(
        "notifications.read_contacts",
        "contacts",
        "Read whom to ask in an emergency",
        "notifications.ContactList",
        refusals=(),
    ),
)

ROUTES = (
    *BOARD,
    *SERVICE,
    *ALERTS,
    *RELEASES,
    *ENVIRONMENTS,
    *ONLINE,
    *EVIDENCE,
    *FREEZES,
    *CHANGES,
    *TRAINING,
    *INFERENCE,
    *MONITORING,
    *NOTIFICATIONS,
)
