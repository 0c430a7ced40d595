// Two accounts: whoever runs the host owns the blobs of its account, and none of them is the app's state.
@maxLength(24)
param hostAccountName string

@maxLength(24)
param stateAccountName string
param stateSku string
param location string

@description('The app: host and state.')
param appPrincipalId string

@description('Event Grid: dead letters only.')
param eventsPrincipalId string

@description('Subnet of the app. With one, nothing else reaches the accounts but allowedIps and what Azure trusts.')
param appSubnetId string

@description('Addresses and ranges of people and agents that reach the accounts as well, where there is a subnet.')
param allowedIps string[]

@description('The workspace that keeps the logs.')
param logsId string
param tags object

var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor

// The app writes and reads them: notebooks, metadata of models, the configurations that were taken.
var appContainers = ['evidence', 'training-artifacts', 'configurations']

var accountProperties = {
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
  publicNetworkAccess: 'Enabled' // for those that networkAcls lets in
  networkAcls: {
    bypass: 'AzureServices'
    defaultAction: empty(appSubnetId) ? 'Allow' : 'Deny'
    virtualNetworkRules: empty(appSubnetId) ? [] : [{ id: appSubnetId, action: 'Allow' }]
    ipRules: map(allowedIps, address => { value: address, action: 'Allow' })
  }
}

var softDelete = {
  deleteRetentionPolicy: { enabled: true, days: 30 }
  containerDeleteRetentionPolicy: { enabled: true, days: 30 }
}

// Reading is not logged: it would be most of the lines and most of the cost.
var written = [
  { category: 'StorageWrite', enabled: true }
  { category: 'StorageDelete', enabled: true }
]

resource host 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: hostAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: accountProperties

  resource blobs 'blobServices' = {
    name: 'default'
    properties: softDelete

    resource packages 'containers' = {
      name: 'packages'
      properties: { publicAccess: 'None' }
    }
  }
}

resource state 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: stateAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: stateSku }
  properties: accountProperties

  resource tables 'tableServices' = {
    name: 'default'

    resource table 'tables' = {
      name: 'switchyard'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: union(softDelete, { isVersioningEnabled: true })

    resource deadLetters 'containers' = {
      name: 'event-dead-letters'
      properties: { publicAccess: 'None' }
    }
  }
}

resource appContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [for name in appContainers: {
  parent: state::blobs
  name: name
  properties: { publicAccess: 'None' }
}]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: state
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'artifacts-for-two-years' // R-AZURE-9: what was written over or deleted can be had back as long
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['training-artifacts/', 'evidence/', 'configurations/'] }
            actions: {
              baseBlob: { tierToCool: { daysAfterModificationGreaterThan: 90 } }
              version: { delete: { daysAfterCreationGreaterThan: 730 } }
            }
          }
        }
        {
          name: 'dead-letters-for-90-days'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['event-dead-letters/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 90 } } }
          }
        }
      ]
    }
  }
  dependsOn: [state::blobs] // versions have to be on
}

@description('Approvals and history cannot be had back.')
resource keepState 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-state'
  scope: state
  properties: { level: 'CanNotDelete' }
}

@description('the host keeps leases, schedules, keys and the package as blobs')
resource hostOwner 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, appPrincipalId, storageBlobDataOwner)
  scope: host
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('the host writes what goes wrong in it into a table of its own')
resource hostDiagnostics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, appPrincipalId, storageTableDataContributor)
  scope: host
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('all state; on the account, because the app makes its table when it is not there')
resource stateWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state.id, appPrincipalId, storageTableDataContributor)
  scope: state
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('notebooks, metadata of models, configurations that were taken')
resource appWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, number) in appContainers: {
  name: guid(state.id, name, appPrincipalId, storageBlobDataContributor)
  scope: appContainer[number]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}]

resource deadLetterWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state::blobs::deadLetters.id, eventsPrincipalId, storageBlobDataContributor)
  scope: state::blobs::deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: eventsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource hostLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: host::blobs
  properties: { workspaceId: logsId, logs: written }
}

resource stateBlobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: state::blobs
  properties: { workspaceId: logsId, logs: written }
}

// Writes to the table are the app's own work, counted by the thousand; only who deletes is kept.
resource stateTableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: state::tables
  properties: { workspaceId: logsId, logs: [{ category: 'StorageDelete', enabled: true }] }
}

output hostAccountName string = host.name
output packageContainerUri string = '${host.properties.primaryEndpoints.blob}${host::blobs::packages.name}'
output stateAccountName string = state.name
output stateAccountId string = state.id
output tableServiceUri string = state.properties.primaryEndpoints.table
output blobServiceUri string = state.properties.primaryEndpoints.blob
output stateTable string = state::tables::table.name
output deadLetterContainer string = state::blobs::deadLetters.name
