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
param functionAppName string = '${name}-${uniqueString(resourceGroup().id)}'

@description('Subscription of the three workspaces.')
param mlSubscriptionId string = subscription().subscriptionId

@description('Resource group of the three workspaces.')
param mlResourceGroup string

@description('Region of the three workspaces: a system topic lives where its source does.')
param mlLocation string = location

param devWorkspace string
param testWorkspace string
param productionWorkspace string

@description('The registry that all workspaces share.')
param modelRegistry string

@description('Resource group of the registry.')
param registryResourceGroup string = mlResourceGroup

@description('Audiences of the API: the application id of its registration, and its application id URI.')
@minLength(1)
param apiAudience string[]

@description('Entra object ids of approver groups by name, for tokens that list groups. App roles need no entry.')
param approverGroups object = {}

@description('App role that whoever sends alerts must have: the service principal of Azure Monitor action groups.')
param alertSenderRole string = 'Alerts.Send'

@description('Resource ids of Event Grid topics whose events are alerts.')
param alertTopics string[] = []

@description('Name of the Event Grid topic of release facts, unique in its region.')
param factsTopicName string = 'switchyard-facts'

@description('How state is replicated.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param stateStorageSku string = 'Standard_ZRS'

@description('Instances of each function at most. Azure Resource Manager grants 10 writes a second to all of them.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that never stop, as name and instanceCount: http, or function:<name>.')
param alwaysReady array = []

@description('True once the code is published.')
param subscribeToEvents bool = false

param tags object = {}

var suffix = uniqueString(resourceGroup().id)
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
  params: { name: name, location: location, principalId: appIdentity.properties.principalId, tags: tags }
}

module storage 'modules/storage.bicep' = {
  name: '${name}-storage'
  params: {
    hostAccountName: 'swhost${suffix}'
    stateAccountName: 'swstate${suffix}'
    stateSku: stateStorageSku
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
    tags: tags
  }
}

module facts 'modules/facts_topic.bicep' = {
  name: '${name}-facts'
  params: {
    topicName: factsTopicName
    location: location
    principalId: appIdentity.properties.principalId
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

module app 'modules/function_app.bicep' = {
  name: '${name}-function-app'
  params: {
    functionAppName: functionAppName
    location: location
    identityId: appIdentity.id
    packageContainerUri: storage.outputs.packageContainerUri
    maximumInstanceCount: maximumInstanceCount
    alwaysReady: alwaysReady
    tags: tags
    appSettings: {
      // The platform's own. The connection string holds no secret: ingestion takes Entra tokens only.
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${appIdentity.properties.clientId};Authorization=AAD'
      AzureWebJobsStorage__accountName: storage.outputs.hostAccountName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: appIdentity.properties.clientId
      AZURE_CLIENT_ID: appIdentity.properties.clientId // which identity DefaultAzureCredential takes

      // The triggers and shared/settings.py.
      SERVICEBUS__fullyQualifiedNamespace: serviceBus.outputs.hostName
      SERVICEBUS__credential: 'managedidentity'
      SERVICEBUS__clientId: appIdentity.properties.clientId
      RELEASE_EVENTS_QUEUE: serviceBus.outputs.releaseEventsQueue
      EFFECTS_QUEUE: serviceBus.outputs.effectsQueue
      SWEEP_SCHEDULE: '0 * * * * *' // every minute

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
      ALERT_SENDER_ROLE: alertSenderRole
      ALERT_TOPICS: join(alertTopics, ',')
      APPROVER_GROUPS: string(approverGroups)
    }
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
    tags: tags
  }
}]

output functionAppName string = functionAppName
output url string = 'https://${app.outputs.hostName}'
output appPrincipalId string = appIdentity.properties.principalId
output stateAccountName string = storage.outputs.stateAccountName
output serviceBusHostName string = serviceBus.outputs.hostName
output factsTopicEndpoint string = facts.outputs.endpoint
