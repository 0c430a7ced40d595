// What releases do, delivered to the app's own function that tells people. What cannot be delivered is kept as a blob.
param topicName string
param functionAppId string

@description('Writes dead letters.')
param identityId string
param deadLetterAccountId string
param deadLetterContainer string

@description('False until the function exists.')
param subscribe bool

@description('The facts that somebody may be told of.')
param eventTypes array

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource delivery 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = if (subscribe) {
  parent: topic
  name: 'fact-events'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: { includedEventTypes: eventTypes }
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${functionAppId}/functions/fact_events'
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
