"""Every app setting as one typed model, read once per process: `load_settings()`.

Names and values: infra/ sets them in Azure, `local/supervisor/settings.py` on one machine
(docs/local-cloud-contract.md). A connection has two forms, as in every binding of Azure Functions: a connection string
under the plain name, or an address under `<name>__<property>`, which is used with the app's managed identity.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

from shared.settings_addresses import Connection, SecureUrl, TeamsWebhooks, Webhooks, travels_safely

APP_ROOT = Path(__file__).resolve().parents[1]

_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

Guid = Annotated[str, StringConstraints(pattern=_GUID, to_lower=True)]
ResourceGroup = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$")]
WorkspaceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,32}$")]
QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,259}$")]
TableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{2,62}$")]
ServiceHost = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.-]{2,252}$")]
Names = Annotated[tuple[str, ...], NoDecode]

_REFERENCE = "@microsoft.keyvault("


class SettingsError(Exception):
    """Settings are missing or wrong; `problems` names every one of them and what to set."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["the app's settings cannot be used:", *(f"- {each}" for each in self.problems)]))


class Settings(BaseSettings):
    """The settings; the description of a field is what an error tells its reader to set."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, defer_build=True
    )

    state_storage: Connection | None = Field(default=None, description="the storage account's connection string")
    state_storage_table_uri: SecureUrl | None = Field(
        default=None,
        validate_default=True,
        validation_alias="STATE_STORAGE__tableServiceUri",
        description="the table service's address, for example https://<account>.table.core.windows.net",
    )
    state_storage_blob_uri: SecureUrl | None = Field(
        default=None,
        validate_default=True,
        validation_alias="STATE_STORAGE__blobServiceUri",
        description="the blob service's address, for example https://<account>.blob.core.windows.net",
    )
    state_table: TableName = Field(
        default="switchyard", description="the table of all state: 3 to 63 letters and digits, letter first"
    )
    servicebus: Connection | None = Field(default=None, description="the Service Bus namespace's connection string")
    servicebus_namespace: ServiceHost | None = Field(
        default=None,
        validate_default=True,
        validation_alias="SERVICEBUS__fullyQualifiedNamespace",
        description="the namespace's host name, for example <namespace>.servicebus.windows.net",
    )
    release_events_queue: QueueName = Field(description="the session queue of events, for example release-events")
    effects_queue: QueueName = Field(description="the queue of commands, for example effects")
    trainings_queue: QueueName = Field(description="the session queue of training runs, for example trainings")

    azure_tenant_id: Guid = Field(description="the id of the Entra tenant")
    azure_subscription_id: Guid = Field(description="the id of the subscription that holds the workspaces")
    azure_resource_group: ResourceGroup = Field(description="the resource group that holds the workspaces")
    dev_workspace: WorkspaceName = Field(description="the Azure ML workspace in which models are registered")
    test_workspace: WorkspaceName = Field(description="the Azure ML workspace in which candidates are tested")
    production_workspace: WorkspaceName = Field(description="the Azure ML workspace of production")
    model_registry: WorkspaceName = Field(description="the Azure ML registry that all workspaces share")
    azure_ml_threads: int = Field(
        default=16, ge=1, le=64, description="how many calls to Azure ML may run at once, 1 to 64"
    )

    arm_writes_per_second: float = Field(
        default=8,
        ge=0.1,
        le=10,
        description="how many writes a second all instances together send to Azure Resource Manager, 0.1 to 10",
    )
    """Resource Manager gives 10 writes a second back: below that, the bucket of 200 stays full for a rollback."""

    facts_topic_endpoint: SecureUrl = Field(
        description="the Event Grid topic of release facts, https://<topic>.<region>-1.eventgrid.azure.net/api/events"
    )

    api_audience: Names = Field(
        min_length=1, description="the audience of the API's tokens, for example api://switchyard; several with commas"
    )
    token_issuer: Names = Field(default=(), description="the issuer of the API's tokens; several with commas")
    jwks_uri: SecureUrl | None = Field(default=None, description="where the keys that sign the API's tokens are read")
    board_client_id: Guid | None = Field(
        default=None, description="the id of the application people sign in to the board with, as Entra registered it"
    )
    alert_sender_role: str = Field(
        default="Alerts.Send",
        pattern=r"^[A-Za-z0-9._-]{1,120}$",
        description="the app role that whoever sends alerts must have, for example Alerts.Send",
    )
    alert_topics: Names = Field(
        default=(), description="ARM ids of the Event Grid topics whose events are alerts; several with commas"
    )
    approver_groups: dict[str, Guid] = Field(
        default_factory=dict, description='JSON of group names and Entra object ids, {"ML-Engineers": "<object id>"}'
    )

    changes_queue: QueueName = Field(
        default="changes", description="the session queue of merged changes, for example changes"
    )
    changes_repository: str | None = Field(
        default=None,
        max_length=1000,
        description="the repository of config/ and environment/: https://..., or a path on this machine",
    )
    changes_branch: str = Field(
        default="main",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
        description="the branch whose merges are taken, for example main",
    )
    changes_repository_token: SecretStr | None = Field(
        default=None, description="a token that may read that repository; none for one that anybody may read"
    )
    changes_github_secret: SecretStr | None = Field(
        default=None, min_length=16, description="the secret GitHub signs its webhooks with, at least 16 characters"
    )
    changes_azure_devops_secret: SecretStr | None = Field(
        default=None, min_length=16, description="the password of Azure DevOps' service hooks, at least 16 characters"
    )

    routines_queue: QueueName = Field(
        default="routines", description="the queue of daily inference and monitoring, for example routines"
    )
    propose_changes: bool = Field(
        default=False,
        description="true to open pull requests after high drift and for a released environment; false: a dry run",
    )
    proposals_token: SecretStr | None = Field(
        default=None, description="a token that may write branches and pull requests of CHANGES_REPOSITORY"
    )
    proposals_api: SecureUrl | None = Field(
        default=None,
        description="the address of the REST interface, where it is not that of github.com or Azure DevOps",
    )

    sensor_table: str | None = Field(
        default=None,
        pattern=r"^(abfss://[a-z0-9-]{3,63}@[a-z0-9.-]{3,255})?(/[A-Za-z0-9._-]{1,255}){1,40}$",
        description="the table that loads write: abfss://<container>@<account>.dfs.core.windows.net/processed/sensor_data",
    )

    public_url: SecureUrl | None = Field(
        default=None, description="where people open the board; links of notifications lead there, none without it"
    )
    notifications_queue: QueueName = Field(
        default="notifications", description="the queue of what people are told, for example notifications"
    )
    mail: Connection | None = Field(
        default=None, description="the connection string of Azure Communication Services, which sends mail"
    )
    mail_endpoint: SecureUrl | None = Field(
        default=None,
        validation_alias="MAIL__endpoint",
        description="the address of Azure Communication Services, https://<resource>.<region>.communication.azure.com",
    )
    mail_sender: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}$",
        description="the address that mail comes from, one of a domain of Azure Communication Services",
    )
    teams_webhooks: TeamsWebhooks = Field(
        default_factory=dict,
        description='JSON of names and addresses of Teams workflows, {"ml-team": "https://..."}',
    )
    webhooks: Webhooks = Field(
        default_factory=dict,
        description='JSON of names, addresses and secrets, {"pager": {"url": "https://...", "secret": "whsec_..."}}',
    )

    config_dir: Path = Field(default=APP_ROOT / "config", description="the directory of the fleet's configuration")
    policies_file: Path | None = Field(default=None, description="the file of the release policies")
    monitoring_file: Path | None = Field(default=None, description="the file of daily inference and monitoring")
    notifications_file: Path | None = Field(default=None, description="the file that says who is told of what")
    people_file: Path | None = Field(default=None, description="the file that says whose accounts are whose")

    @field_validator("api_audience", "token_issuer", "alert_topics", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _resolved(cls, value: Any) -> Any:
        """App Service hands over the reference itself where it could not read the secret. Runs before `_split`."""
        if isinstance(value, str) and value.strip().lower().startswith(_REFERENCE):
            raise PydanticCustomError(
                "unresolved",
                "it is a reference to a key vault that App Service could not resolve: give the app's identity the role"
                ' "Key Vault Secrets User" on the vault, see that the secret is there, and restart the app',
            )
        return value

    @field_validator("state_storage_table_uri", "state_storage_blob_uri", "servicebus_namespace")
    @classmethod
    def _one_form_of_each_connection(cls, address: Any, info: ValidationInfo) -> Any:
        plain = "servicebus" if info.field_name == "servicebus_namespace" else "state_storage"
        if address is None and info.data.get(plain) is None:
            raise PydanticCustomError("connection_missing", "neither it nor {plain} is set", {"plain": plain.upper()})
        return address

    @field_validator("changes_repository")
    @classmethod
    def _readable_repository(cls, address: str | None) -> str | None:
        """Logs and problems repeat the address."""
        parts = urlsplit(address or "/")
        on_disk = parts.scheme in ("", "file") and parts.path.startswith("/") and not parts.netloc
        if not on_disk and not travels_safely(address or ""):
            raise PydanticCustomError("repository", "no https address without user, and no full path")
        return address

    @model_validator(mode="after")
    def _workspaces_differ(self) -> Self:
        workspaces = [each.lower() for each in (self.dev_workspace, self.test_workspace, self.production_workspace)]
        if len(set(workspaces)) != len(workspaces):
            raise PydanticCustomError(
                "workspaces_same", "DEV_WORKSPACE, TEST_WORKSPACE and PRODUCTION_WORKSPACE must be three workspaces"
            )
        return self

    @model_validator(mode="after")
    def _proposals_can_be_sent(self) -> Self:
        if self.propose_changes and not (self.changes_repository and self.proposals_token):
            raise PydanticCustomError(
                "proposals", "PROPOSE_CHANGES needs CHANGES_REPOSITORY and PROPOSALS_TOKEN: set both, or leave it false"
            )
        return self

    @property
    def issuers(self) -> tuple[str, ...]:
        """The accepted issuers; Entra's version 2 issuer of the tenant unless TOKEN_ISSUER says otherwise."""
        return self.token_issuer or (f"https://login.microsoftonline.com/{self.azure_tenant_id}/v2.0",)

    @property
    def signing_keys_uri(self) -> str:
        """Where the tenant's signing keys are, unless JWKS_URI says otherwise."""
        if self.jwks_uri:
            return str(self.jwks_uri)
        return f"https://login.microsoftonline.com/{self.azure_tenant_id}/discovery/v2.0/keys"

    @property
    def policies_path(self) -> Path:
        """`policies.yml` of the configuration directory, unless POLICIES_FILE says otherwise."""
        return self.policies_file or self.config_dir / "policies.yml"

    @property
    def monitoring_path(self) -> Path:
        """`monitoring.yml` of the configuration directory, unless MONITORING_FILE says otherwise."""
        return self.monitoring_file or self.config_dir / "monitoring.yml"

    @property
    def notifications_path(self) -> Path:
        """`notifications.yml` of the configuration directory, unless NOTIFICATIONS_FILE says otherwise."""
        return self.notifications_file or self.config_dir / "notifications.yml"

    @property
    def people_path(self) -> Path:
        """`people.yml` of the configuration directory, unless PEOPLE_FILE says otherwise."""
        return self.people_file or self.config_dir / "people.yml"

    @property
    def resource_group_id(self) -> str:
        """The ARM id of the resource group that holds the workspaces and the alert rules."""
        return f"/subscriptions/{self.azure_subscription_id}/resourceGroups/{self.azure_resource_group}"

    @property
    def topics(self) -> tuple[str, ...]:
        """The Event Grid topics whose events are ours: the ARM ids of dev, test and production workspace."""
        names = (self.dev_workspace, self.test_workspace, self.production_workspace)
        group_id = self.resource_group_id
        return tuple(f"{group_id}/providers/Microsoft.MachineLearningServices/workspaces/{name}" for name in names)

    def workspace_of_topic(self, topic: str) -> str | None:
        """The workspace whose topic this is, under its configured name; None for any other topic.

        ARM ids compare without regard to case.
        """
        names = {arm_id.lower(): arm_id.rpartition("/")[2] for arm_id in self.topics}
        return names.get(topic.strip().rstrip("/").lower())

    def is_alert_topic(self, topic: str) -> bool:
        """Whether events of this topic are taken for alerts."""
        return topic.strip().rstrip("/").lower() in {each.rstrip("/").lower() for each in self.alert_topics}


def load_settings() -> Settings:
    """The settings of this process, from its environment. Raises SettingsError naming every setting and its fix."""
    try:
        return Settings()  # type: ignore[call-arg]  # the values come from the environment
    except UnreadableSetting as error:
        name = _variable(str(error).split('"')[1]) if '"' in str(error) else "a setting"
        raise SettingsError([f"{name} is not valid JSON: set {_description(name)}"]) from error
    except ValidationError as error:
        raise SettingsError(_told(each) for each in error.errors(include_url=False, include_input=False)) from error


def _told(problem: ErrorDetails) -> str:
    if not problem["loc"]:
        return problem["msg"]
    name = _variable(str(problem["loc"][0]))
    if problem["type"] == "missing":
        return f"{name} is not set: set it to {_description(name)}"
    inner = "".join(f"[{part}]" for part in problem["loc"][1:])
    return f"{name}{inner} is wrong ({problem['msg'][:1].lower()}{problem['msg'][1:]}): set it to {_description(name)}"


def _variable(location: str) -> str:
    """The environment variable of a field or alias, as people write it."""
    field = Settings.model_fields.get(location)
    alias = field.validation_alias if field else location
    return alias if isinstance(alias, str) and "__" in alias else location.upper()


def _description(variable: str) -> str:
    field = next(f for n, f in Settings.model_fields.items() if variable in (n.upper(), f.validation_alias))
    return field.description or ""
