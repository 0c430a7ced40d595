// Everything the app needs in one resource group, and its rights in the resource groups of Azure Machine Learning.
// Deployed twice: Event Grid takes a function as a destination only after the code is there (docs/deploying.md).
targetScope = 'resourceGroup'

@description('Prefix of every name.')
@minLength(3)
@maxLength(11)
param name string = 'switchyard'

@description('Region of everything but the system topics.')
param location string = resourceGroup().location

@description('Name of the function app, unique in Azure.')
@minLength(2)
@maxLength(55) // its plan adds five
param functionAppName string = '${name}-${uniqueString(resourceGroup().id)}'

@description('Subscription of the three workspaces.')
param mlSubscriptionId string = subscription().subscriptionId

@description('Resource group of the three workspaces.')
@maxLength(90)
param mlResourceGroup string

@description('Region of the three workspaces: a system topic lives where its source does.')
param mlLocation string = location

@minLength(3)
@maxLength(33)
param devWorkspace string

@minLength(3)
@maxLength(33)
param testWorkspace string

@minLength(3)
@maxLength(33)
param productionWorkspace string

@description('The registry that all workspaces share.')
@minLength(3)
@maxLength(33)
param modelRegistry string

@description('Resource group of the registry.')
@maxLength(90)
param registryResourceGroup string = mlResourceGroup

@description('Audiences of the API: the application id of its registration, and its application id URI.')
@minLength(1)
param apiAudience string[]

@description('Entra object ids of approver groups by name, for tokens that list groups. App roles need no entry.')
param approverGroups object = {}

@description('Application id of the registration with the redirect address of the board. Empty: nobody signs in there.')
param boardClientId string = ''

@description('App role that whoever sends alerts must have: the service principal of Azure Monitor action groups.')
param alertSenderRole string = 'Alerts.Send'

@description('Resource ids of Event Grid topics whose events are alerts.')
param alertTopics string[] = []

@description('Name of the Event Grid topic of release facts, unique in its region, all customers together.')
@minLength(3)
@maxLength(50)
param factsTopicName string = '${name}-facts-${uniqueString(resourceGroup().id)}'

@description('Names of the storage accounts of the dev, the test and the production workspace.')
@minLength(3)
@maxLength(3)
param workspaceStorage string[]

@description('Name of the storage account of the sensor lake.')
@minLength(3)
@maxLength(24)
param lakeAccount string

@description('Resource group of the sensor lake.')
@maxLength(90)
param lakeResourceGroup string = mlResourceGroup

@description('Name of the key vault for the secrets of webhooks and of the repository, unique in Azure.')
@minLength(3)
@maxLength(24)
param vaultName string = 'sw-${uniqueString(resourceGroup().id)}'

@description('Subnet of the app, delegated to Microsoft.App/environments, with the endpoints Microsoft.Storage and Microsoft.KeyVault. With one, storage and vault are closed to all others.')
param appSubnetId string = ''

@description('Addresses and ranges of people and agents that reach storage and vault as well, where there is a subnet.')
param allowedIps string[] = []

@description('Address of the sensor table: abfss://<container>@<account>.dfs.core.windows.net/processed/sensor_data.')
param sensorTable string

@description('Addresses of the team that runs the models: alerts go there.')
@minLength(1)
param teamMails string[]

@description('Telephones of those on call, as countryCode and phoneNumber: alerts of severity 1 go there too.')
param callPhones array = []

@description('Object id of the application registration of the API: what action groups ask a token for. Empty: alerts go to people only.')
param apiObjectId string = ''

@description('How state is replicated.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param stateStorageSku string = 'Standard_ZRS'

@description('Instances of each function at most. Azure Resource Manager grants 10 writes a second to all of them.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('True: instances in several zones of the region. Not every region has them; what is always ready has then two at least.')
param zoneRedundant bool = false

@description('Instances that never stop, as name and instanceCount: http, or function:<name>.')
param alwaysReady array = []

@description('Address of the repository of config/ and environment/, without user or token. Empty: no webhooks are taken.')
param changesRepository string = ''

@description('Branch whose merges are taken.')
param changesBranch string = 'main'

@description('Key vault secret: a token that may read the repository. Empty for one that anybody may read.')
param changesTokenUri string = ''

@description('Key vault secret: what GitHub signs its webhooks with.')
param changesGitHubUri string = ''

@description('Key vault secret: the password of the service hooks of Azure DevOps.')
param changesDevOpsUri string = ''

@description('True: high drift and released environments open pull requests. False: they are recorded and shown, nothing is sent.')
param proposeChanges bool = false

@description('Key vault secret: a token that may write branches and pull requests of the repository.')
param proposalsTokenUri string = ''

@description('Address of the REST interface, where it is not that of github.com or Azure DevOps.')
param proposalsApi string = ''

@description('Where people open the board; links of notifications lead there. Empty: the address of the app.')
param publicUrl string = ''

@description('Address of Azure Communication Services, which sends mail: https://<resource>.communication.azure.com. Empty: no mail.')
param mailEndpoint string = ''

@description('Address that mail comes from, one of a domain that is connected to that resource.')
param mailSender string = ''

@description('Key vault secret: JSON of names and addresses of Teams workflows.')
param teamsWebhooksUri string = ''

@description('Key vault secret: JSON of names, addresses and secrets of webhooks.')
param webhooksUri string = ''

@description('True once the code is published.')
param subscribeToEvents bool = false

param tags object = {}

var suffix = uniqueString(resourceGroup().id)

// Exactly those of which somebody may be told: HEARD in shared/application/notifications/tell.py.
var toldFacts = [
  'switchyard.alert.acted'
  'switchyard.alert.asks'
  'switchyard.alert.raised'
  'switchyard.alert.training-failures'
  'switchyard.release.aborted'
  'switchyard.release.awaiting_production_approval'
  'switchyard.release.awaiting_registry_approval'
  'switchyard.release.awaiting_rollback_approval'
  'switchyard.release.expired'
  'switchyard.release.failed'
  'switchyard.release.held'
  'switchyard.release.rejected'
  'switchyard.release.released'
  'switchyard.release.restoring'
  'switchyard.release.rolled_back'
  'switchyard.release.rolling_back'
  'switchyard.release.superseded'
  'switchyard.training.failed'
]
var workspaces = [devWorkspace, testWorkspace, productionWorkspace]
var authority = '${environment().authentication.loginEndpoint}${tenant().tenantId}'

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-app'
  location: location
  tags: tags
}

@description('What Event Grid writes dead letters as. It is not the app: it has one right on one container.')
resource eventsIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-events'
  location: location
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  name: '${name}-monitoring'
  params: {
    name: name
    location: location
    principalId: appIdentity.properties.principalId
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: '${name}-storage'
  params: {
    hostAccountName: 'swhost${suffix}'
    stateAccountName: 'swstate${suffix}'
    stateSku: stateStorageSku
    appSubnetId: appSubnetId
    allowedIps: allowedIps
    logsId: monitoring.outputs.logsId
    location: location
    appPrincipalId: appIdentity.properties.principalId
    eventsPrincipalId: eventsIdentity.properties.principalId
    tags: tags
  }
}

module serviceBus 'modules/service_bus.bicep' = {
  name: '${name}-service-bus'
  params: {
    namespaceName: '${name}-${suffix}'
    location: location
    principalId: appIdentity.properties.principalId
    logsId: monitoring.outputs.logsId
    tags: tags
  }
}

module facts 'modules/facts_topic.bicep' = {
  name: '${name}-facts'
  params: {
    topicName: factsTopicName
    location: location
    principalId: appIdentity.properties.principalId
    identityId: eventsIdentity.id
    logsId: monitoring.outputs.logsId
    tags: tags
  }
}

module workspaceAccess 'modules/workspace_access.bicep' = {
  name: '${name}-workspace-access'
  scope: resourceGroup(mlSubscriptionId, mlResourceGroup)
  params: {
    devWorkspace: devWorkspace
    testWorkspace: testWorkspace
    productionWorkspace: productionWorkspace
    principalId: appIdentity.properties.principalId
  }
}

module registryAccess 'modules/registry_access.bicep' = {
  name: '${name}-registry-access'
  scope: resourceGroup(mlSubscriptionId, registryResourceGroup)
  params: { modelRegistry: modelRegistry, principalId: appIdentity.properties.principalId }
}

module lakeAccess 'modules/lake_access.bicep' = {
  name: '${name}-lake-access'
  scope: resourceGroup(mlSubscriptionId, lakeResourceGroup)
  params: { lakeAccount: lakeAccount, principalId: appIdentity.properties.principalId }
}

module workspaceStorageAccess 'modules/workspace_storage_access.bicep' = {
  name: '${name}-workspace-storage-access'
  scope: resourceGroup(mlSubscriptionId, mlResourceGroup)
  params: { accounts: workspaceStorage, principalId: appIdentity.properties.principalId }
}

module alertReading 'modules/alert_reading.bicep' = {
  name: '${name}-alert-reading'
  scope: subscription(mlSubscriptionId)
  params: { principalId: appIdentity.properties.principalId }
}

module vault 'modules/vault.bicep' = {
  name: '${name}-vault'
  params: {
    vaultName: vaultName
    location: location
    principalId: appIdentity.properties.principalId
    appSubnetId: appSubnetId
    allowedIps: allowedIps
    logsId: monitoring.outputs.logsId
    tags: tags
  }
}

module app 'modules/function_app.bicep' = {
  name: '${name}-function-app'
  params: {
    functionAppName: functionAppName
    location: location
    identityId: appIdentity.id
    packageContainerUri: storage.outputs.packageContainerUri
    maximumInstanceCount: maximumInstanceCount
    zoneRedundant: zoneRedundant
    alwaysReady: alwaysReady
    subnetId: appSubnetId
    logsId: monitoring.outputs.logsId
    tags: tags
    appSettings: {
      // The platform's own. The connection string holds no secret: ingestion takes Entra tokens only.
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${appIdentity.properties.clientId};Authorization=AAD'
      AzureWebJobsStorage__accountName: storage.outputs.hostAccountName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: appIdentity.properties.clientId
      // The worker sends logs with their fields, and metrics; of requests one in ten. What the SDKs do is no span each.
      PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
      OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage'
      OTEL_TRACES_SAMPLER_ARG: '0.1'
      OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,psycopg2,requests,urllib,urllib3'
      AZURE_CLIENT_ID: appIdentity.properties.clientId // which identity DefaultAzureCredential takes

      // The triggers and shared/settings.py.
      SERVICEBUS__fullyQualifiedNamespace: serviceBus.outputs.hostName
      SERVICEBUS__credential: 'managedidentity'
      SERVICEBUS__clientId: appIdentity.properties.clientId
      RELEASE_EVENTS_QUEUE: 'release-events'
      EFFECTS_QUEUE: 'effects'
      TRAININGS_QUEUE: 'trainings'
      CHANGES_QUEUE: 'changes'
      ROUTINES_QUEUE: 'routines'
      NOTIFICATIONS_QUEUE: 'notifications'
      SWEEP_SCHEDULE: '0 * * * * *' // every minute
      ETL_SCHEDULE: '0 0 */3 * * *' // R-DATA-6: a load of the sensor table every three hours
      SENSOR_TABLE: sensorTable
      INFERENCE_SCHEDULE: '0 30 3 * * *' // half an hour after the load of 3:00, for the day before
      PERFORMANCE_SCHEDULE: '0 0 6 1 * *' // R-MON-3: on the 1st of a month at 6:00
      DRIFT_SCHEDULE: '0 0 6 1 1,4,7,10 *' // on the 1st of a quarter at 6:00
      ROUTINE_SWEEP_SCHEDULE: '30 */5 * * * *' // every five minutes

      STATE_STORAGE__tableServiceUri: storage.outputs.tableServiceUri
      STATE_STORAGE__blobServiceUri: storage.outputs.blobServiceUri
      STATE_TABLE: storage.outputs.stateTable
      AZURE_TENANT_ID: tenant().tenantId
      AZURE_SUBSCRIPTION_ID: mlSubscriptionId
      AZURE_RESOURCE_GROUP: mlResourceGroup
      DEV_WORKSPACE: devWorkspace
      TEST_WORKSPACE: testWorkspace
      PRODUCTION_WORKSPACE: productionWorkspace
      MODEL_REGISTRY: modelRegistry
      AZURE_ML_THREADS: '16' // as many as host.json lets run at once in one instance
      ARM_WRITES_PER_SECOND: '8' // of all instances together: below the 10 that come back, so that 200 stay for a rollback
      FACTS_TOPIC_ENDPOINT: facts.outputs.endpoint
      API_AUDIENCE: join(apiAudience, ',')
      TOKEN_ISSUER: '${authority}/v2.0'
      JWKS_URI: '${authority}/discovery/v2.0/keys'
      BOARD_CLIENT_ID: boardClientId
      ALERT_SENDER_ROLE: alertSenderRole
      ALERT_TOPICS: join(alertTopics, ',')
      APPROVER_GROUPS: string(approverGroups)
      PUBLIC_URL: empty(publicUrl) ? 'https://${functionAppName}.azurewebsites.net' : publicUrl
      MAIL__endpoint: mailEndpoint // the app's identity sends: it needs a role on that resource (docs/deploying.md)
      MAIL_SENDER: mailSender

      // Secrets stay in the key vault: the platform reads them with the app's identity.
      CHANGES_REPOSITORY: changesRepository
      CHANGES_BRANCH: changesBranch
      CHANGES_REPOSITORY_TOKEN: empty(changesTokenUri) ? '' : '@Microsoft.KeyVault(SecretUri=${changesTokenUri})'
      CHANGES_GITHUB_SECRET: empty(changesGitHubUri) ? '' : '@Microsoft.KeyVault(SecretUri=${changesGitHubUri})'
      PROPOSE_CHANGES: string(proposeChanges) // false: changes of the configuration are recorded and not sent
      PROPOSALS_TOKEN: empty(proposalsTokenUri) ? '' : '@Microsoft.KeyVault(SecretUri=${proposalsTokenUri})'
      PROPOSALS_API: proposalsApi
      TEAMS_WEBHOOKS: empty(teamsWebhooksUri) ? '' : '@Microsoft.KeyVault(SecretUri=${teamsWebhooksUri})'
      WEBHOOKS: empty(webhooksUri) ? '' : '@Microsoft.KeyVault(SecretUri=${webhooksUri})'
      CHANGES_AZURE_DEVOPS_SECRET: empty(changesDevOpsUri) ? '' : '@Microsoft.KeyVault(SecretUri=${changesDevOpsUri})'
    }
  }
}

module alertRules 'modules/alert_rules.bicep' = {
  name: '${name}-alert-rules'
  scope: resourceGroup(mlSubscriptionId, mlResourceGroup)
  params: {
    location: location
    logsId: monitoring.outputs.logsId
    alertsUrl: 'https://${app.outputs.hostName}/api/alerts'
    apiObjectId: apiObjectId
    apiIdentifierUri: last(apiAudience)
    teamMails: teamMails
    callPhones: callPhones
    tags: tags
  }
}

module workspaceEvents 'modules/workspace_events.bicep' = [for workspace in workspaces: {
  name: '${name}-events-${workspace}'
  scope: resourceGroup(mlSubscriptionId, mlResourceGroup)
  params: {
    workspaceName: workspace
    location: mlLocation
    functionAppId: app.outputs.functionAppId
    identityId: eventsIdentity.id
    deadLetterAccountId: storage.outputs.stateAccountId
    deadLetterContainer: storage.outputs.deadLetterContainer
    subscribe: subscribeToEvents
    logsId: monitoring.outputs.logsId
    tags: tags
  }
}]

module factsSubscription 'modules/facts_subscription.bicep' = {
  name: '${name}-facts-subscription'
  params: {
    topicName: facts.outputs.name
    functionAppId: app.outputs.functionAppId
    identityId: eventsIdentity.id
    deadLetterAccountId: storage.outputs.stateAccountId
    deadLetterContainer: storage.outputs.deadLetterContainer
    subscribe: subscribeToEvents
    eventTypes: toldFacts
  }
}

output functionAppName string = functionAppName
output url string = 'https://${app.outputs.hostName}'
output appPrincipalId string = appIdentity.properties.principalId
output stateAccountName string = storage.outputs.stateAccountName
output serviceBusHostName string = serviceBus.outputs.hostName
output factsTopicEndpoint string = facts.outputs.endpoint
output vaultUri string = vault.outputs.vaultUri
