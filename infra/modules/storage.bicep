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
param tags object

var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor

var accountProperties = {
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
}

resource host 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: hostAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: accountProperties

  resource blobs 'blobServices' = {
    name: 'default'

    resource packages 'containers' = {
      name: 'packages'
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

    resource deadLetters 'containers' = {
      name: 'event-dead-letters'
    }

    resource evidence 'containers' = {
      name: 'evidence'
    }

    resource trainingArtifacts 'containers' = {
      name: 'training-artifacts'
    }

    resource configurations 'containers' = {
      name: 'configurations'
    }
  }
}

@description('Approvals and history cannot be had back.')
resource keepState 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-state'
  scope: state
  properties: { level: 'CanNotDelete' }
}

resource hostOwner 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, appPrincipalId, storageBlobDataOwner)
  scope: host
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('On the account and not on the table: the app makes its table when it is not there.')
resource stateWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state.id, appPrincipalId, storageTableDataContributor)
  scope: state
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('On the one container: the files of evidence, which the app writes and reads.')
resource evidenceWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state::blobs::evidence.id, appPrincipalId, storageBlobDataContributor)
  scope: state::blobs::evidence
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('On the one container: metadata of trained models, which the app writes and reads.')
resource trainingArtifactsWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state::blobs::trainingArtifacts.id, appPrincipalId, storageBlobDataContributor)
  scope: state::blobs::trainingArtifacts
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

@description('On the one container: the configurations of commits that were taken, which the app writes and reads.')
resource configurationsWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state::blobs::configurations.id, appPrincipalId, storageBlobDataContributor)
  scope: state::blobs::configurations
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource deadLetterWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state::blobs::deadLetters.id, eventsPrincipalId, storageBlobDataContributor)
  scope: state::blobs::deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: eventsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

output hostAccountName string = host.name
output packageContainerUri string = '${host.properties.primaryEndpoints.blob}${host::blobs::packages.name}'
output stateAccountName string = state.name
output stateAccountId string = state.id
output tableServiceUri string = state.properties.primaryEndpoints.table
output blobServiceUri string = state.properties.primaryEndpoints.blob
output stateTable string = state::tables::table.name
output deadLetterContainer string = state::blobs::deadLetters.name
