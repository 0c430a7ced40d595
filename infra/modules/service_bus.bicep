// The queues, as the local broker has them. Sessions and duplicate detection can only be chosen when a queue is made.
param namespaceName string
param location string

@description('Who sends, receives, and reads how long the queues are.')
param principalId string

@description('The workspace that keeps the logs.')
param logsId string
param tags object

var queues = loadJsonContent('../../local/servicebus/queues.json').queues

// Scaling by the length of a queue needs the right to manage it; with less, instances are added one after the other.
var serviceBusDataOwner = '090c5cfd-751d-490a-894a-3ce6f1109419' // Azure Service Bus Data Owner

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard' } // Basic has neither sessions nor duplicate detection
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled' // the tier has no firewall; nobody is let in without a role
  }
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for each in queues: {
  parent: bus
  name: each.name
  properties: {
    requiresSession: each.requiresSession
    requiresDuplicateDetection: each.requiresDuplicateDetection
    duplicateDetectionHistoryTimeWindow: each.duplicateDetectionHistoryTimeWindow
    lockDuration: each.lockDuration
    maxDeliveryCount: each.maxDeliveryCount
    defaultMessageTimeToLive: each.defaultMessageTimeToLive
    deadLetteringOnMessageExpiration: each.deadLetteringOnMessageExpiration
  }
}]

@description('messages; and how many wait, which scaling goes by')
resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, number) in queues: {
  name: guid(bus.id, each.name, principalId, serviceBusDataOwner)
  scope: queue[number]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', serviceBusDataOwner)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

resource busLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: bus
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

// The endpoint is https://<host>:443/.
output hostName string = split(replace(bus.properties.serviceBusEndpoint, 'https://', ''), ':')[0]
output namespaceId string = bus.id
