// Events of one workspace, delivered to the app's functions. What cannot be delivered is kept as a blob: without that,
// Event Grid drops an event for good when the app answers 401 or 403.
param workspaceName string
param location string
param functionAppId string

@description('Writes dead letters.')
param identityId string
param deadLetterAccountId string
param deadLetterContainer string

@description('False until the functions exist.')
param subscribe bool

@description('The workspace that keeps the logs.')
param logsId string
param tags object

var subscriptions = [
  {
    function: 'model_events'
    eventTypes: ['Microsoft.MachineLearningServices.ModelRegistered']
  }
  {
    function: 'run_events'
    eventTypes: [
      'Microsoft.MachineLearningServices.RunStatusChanged'
      'Microsoft.MachineLearningServices.RunCompleted'
    ]
  }
]

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: workspaceName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${workspaceName}-events'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    source: workspace.id
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}

resource topicLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: topic
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@batchSize(1) // a system topic takes one change at a time
resource delivery 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for each in subscriptions: if (subscribe) {
    parent: topic
    name: replace(each.function, '_', '-')
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      filter: { includedEventTypes: each.eventTypes }
      destination: {
        endpointType: 'AzureFunction'
        properties: {
          resourceId: '${functionAppId}/functions/${each.function}'
          maxEventsPerBatch: 1
          preferredBatchSizeInKilobytes: 64
        }
      }
      retryPolicy: {
        maxDeliveryAttempts: 30
        eventTimeToLiveInMinutes: 1440
      }
      deadLetterWithResourceIdentity: {
        identity: {
          type: 'UserAssigned'
          userAssignedIdentity: identityId
        }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: {
            resourceId: deadLetterAccountId
            blobContainerName: deadLetterContainer
          }
        }
      }
    }
  }
]
