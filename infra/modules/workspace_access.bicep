// What the app may do in the three workspaces. Test needs jobs of any kind; production runs batch and monitoring jobs and
// never loses anything.
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

@description('What invoking a batch endpoint and submitting a job are documented to need (Authorization on batch endpoints).')
resource jobRunner 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-job-runner')
  properties: {
    roleName: 'Switchyard job runner ${uniqueString(resourceGroup().id)}'
    description: 'Runs the daily inference, the jobs of monitoring and training, and reads and writes their files. Deletes nothing.'
    type: 'CustomRole'
    permissions: [
      {
        actions: concat(read, [
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs/write'
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments/jobs/write'
          'Microsoft.MachineLearningServices/workspaces/jobs/write'
          'Microsoft.MachineLearningServices/workspaces/jobs/cancel/action'
          'Microsoft.MachineLearningServices/workspaces/experiments/runs/submit/action'
          'Microsoft.MachineLearningServices/workspaces/experiments/runs/write'
          'Microsoft.MachineLearningServices/workspaces/metrics/resource/write'
          'Microsoft.MachineLearningServices/workspaces/modules/write'
          'Microsoft.MachineLearningServices/workspaces/endpoints/pipelines/write'
          'Microsoft.MachineLearningServices/workspaces/data/versions/write'
          'Microsoft.MachineLearningServices/workspaces/datasets/registered/write'
          'Microsoft.MachineLearningServices/workspaces/datasets/unregistered/write'
          'Microsoft.MachineLearningServices/workspaces/metadata/artifacts/write'
          'Microsoft.MachineLearningServices/workspaces/metadata/snapshots/write'
          'Microsoft.MachineLearningServices/workspaces/datastores/listsecrets/action'
        ])
        notActions: ['Microsoft.MachineLearningServices/workspaces/*/delete']
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

@description('Trained models are registered in the dev workspace, and nowhere else.')
resource modelRegistrar 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-model-registrar')
  properties: {
    roleName: 'Switchyard model registrar ${uniqueString(resourceGroup().id)}'
    description: 'Registers models that jobs left behind, and environments that a merge brought. Deletes nothing.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.MachineLearningServices/workspaces/models/write'
          'Microsoft.MachineLearningServices/workspaces/models/versions/write'
          'Microsoft.MachineLearningServices/workspaces/environments/write'
          'Microsoft.MachineLearningServices/workspaces/environments/versions/write'
        ]
        notActions: ['Microsoft.MachineLearningServices/workspaces/*/delete']
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

resource devJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dev.id, principalId, jobRunner.id)
  scope: dev
  properties: {
    roleDefinitionId: jobRunner.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource devModels 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dev.id, principalId, modelRegistrar.id)
  scope: dev
  properties: {
    roleDefinitionId: modelRegistrar.id
    principalId: principalId
    principalType: 'ServicePrincipal'
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

resource productionJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(production.id, principalId, jobRunner.id)
  scope: production
  properties: {
    roleDefinitionId: jobRunner.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
