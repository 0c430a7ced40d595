// A job reads its data as whoever started it, which is the app: https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-batch-endpoint
param lakeAccount string
param principalId string

@description('True for what loads the sensor table.')
param writes bool = false

var storageBlobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
var role = writes ? storageBlobDataContributor : storageBlobDataReader

resource lake 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: lakeAccount
}

@description('a job reads its data as whoever started it')
resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(lake.id, principalId, role)
  scope: lake
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
