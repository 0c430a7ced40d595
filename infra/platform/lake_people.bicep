// Data engineers bring raw files and mend what is wrong with them.
param lakeAccount string
param dataEngineersId string

var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

resource lake 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: lakeAccount
}

resource engineers 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(lake.id, dataEngineersId, storageBlobDataContributor)
  scope: lake
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: dataEngineersId
    principalType: 'Group'
  }
}
