// Files of jobs, data assets, reports and predictions, in the storage of the workspaces. Where a workspace hands out no keys,
// the app's own identity reads and writes them.
@description('Names of the storage accounts of the workspaces.')
param accounts string[]
param principalId string

var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = [for name in accounts: {
  name: name
}]

@description('files of jobs, data assets, reports and predictions, where a workspace hands out no keys')
resource writer 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, number) in accounts: {
  name: guid(account[number].id, principalId, storageBlobDataContributor)
  scope: account[number]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]
