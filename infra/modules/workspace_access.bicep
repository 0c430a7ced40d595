// What the app may do in the three workspaces. Test needs jobs; production may never run one, nor lose anything.
param devWorkspace string
param testWorkspace string
param productionWorkspace string
param principalId string

var azureMlDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121' // AzureML Data Scientist

var read = [
  'Microsoft.MachineLearningServices/workspaces/read'
  'Microsoft.MachineLearningServices/workspaces/*/read'
]

resource dev 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: devWorkspace
}

resource testing 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: testWorkspace
}

resource production 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: productionWorkspace
}

@description('The built-in Reader would also see the credentials of datastores.')
resource candidateReader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-candidate-reader')
  properties: {
    // a role's name is unique in its tenant
    roleName: 'Switchyard candidate reader ${uniqueString(resourceGroup().id)}'
    description: 'Reads models, environments and everything else of a workspace but its secrets.'
    type: 'CustomRole'
    permissions: [
      {
        actions: read
        notActions: ['Microsoft.MachineLearningServices/workspaces/metadata/secrets/read']
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

resource batchDeployer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-batch-deployer')
  properties: {
    roleName: 'Switchyard batch deployer ${uniqueString(resourceGroup().id)}'
    description: 'Reads a workspace, and changes batch endpoints, their deployments and scoring code. Deletes nothing.'
    type: 'CustomRole'
    permissions: [
      {
        actions: concat(read, [
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/write'
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments/write'
          'Microsoft.MachineLearningServices/workspaces/codes/*' // the upload of scoring code is more than a write
        ])
        notActions: [
          'Microsoft.MachineLearningServices/workspaces/metadata/secrets/read'
          'Microsoft.MachineLearningServices/workspaces/*/delete'
        ]
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

resource devAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dev.id, principalId, candidateReader.id)
  scope: dev
  properties: {
    roleDefinitionId: candidateReader.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource testAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(testing.id, principalId, azureMlDataScientist)
  scope: testing
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureMlDataScientist)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource productionAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(production.id, principalId, batchDeployer.id)
  scope: production
  properties: {
    roleDefinitionId: batchDeployer.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
