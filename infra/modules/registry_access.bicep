// The app shares candidates to the registry and deploys them from there.
param modelRegistry string
param principalId string

var azureMlRegistryUser = '1823dd4f-9b8c-4ab6-ab4e-7397a3684615' // AzureML Registry User

resource registry 'Microsoft.MachineLearningServices/registries@2024-10-01' existing = {
  name: modelRegistry
}

@description('candidates are shared there, and deployed from there')
resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, principalId, azureMlRegistryUser)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureMlRegistryUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
