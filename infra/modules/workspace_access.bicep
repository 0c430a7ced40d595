// What the app may do in the three workspaces: what it asks for (infra/check/needs.yml) and what Microsoft documents for jobs,
// and nothing else. Slots of online endpoints are deleted, and nothing else ever is.
param devWorkspace string
param testWorkspace string
param productionWorkspace string
param principalId string

resource dev 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: devWorkspace
}

resource testing 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: testWorkspace
}

resource production 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: productionWorkspace
}

@description('Reads a workspace, submits and cancels jobs. What a job does it does as whoever submitted it.')
resource jobRunner 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-job-runner')
  properties: {
    // a role's name is unique in its tenant
    roleName: 'Switchyard job runner ${uniqueString(resourceGroup().id)}'
    description: 'Reads a workspace, submits and cancels jobs, and does what the service does for a job. Deletes nothing.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.MachineLearningServices/workspaces/read'
          'Microsoft.MachineLearningServices/workspaces/*/read' // keys and secrets among it, as Microsoft documents
          'Microsoft.MachineLearningServices/workspaces/jobs/write'
          'Microsoft.MachineLearningServices/workspaces/jobs/cancel/action'
          'Microsoft.MachineLearningServices/workspaces/experiments/runs/submit/action'
          'Microsoft.MachineLearningServices/workspaces/experiments/runs/write'
          'Microsoft.MachineLearningServices/workspaces/data/versions/write'
          'Microsoft.MachineLearningServices/workspaces/datastores/listsecrets/action'
          'Microsoft.MachineLearningServices/workspaces/environments/write'
          'Microsoft.MachineLearningServices/workspaces/environments/build/action'
          'Microsoft.MachineLearningServices/workspaces/environments/readSecrets/action'
          'Microsoft.MachineLearningServices/workspaces/metadata/artifacts/write'
          'Microsoft.MachineLearningServices/workspaces/metadata/snapshots/write'
        ]
        notActions: ['Microsoft.MachineLearningServices/workspaces/*/delete']
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

resource batchDeployer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-batch-deployer')
  properties: {
    roleName: 'Switchyard batch deployer ${uniqueString(resourceGroup().id)}'
    description: 'Changes batch endpoints, their deployments and scoring code, and invokes them. Deletes nothing.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/write'
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs/write'
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments/write'
          'Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments/jobs/write'
          'Microsoft.MachineLearningServices/workspaces/codes/*' // the upload of scoring code is more than a write
          // documented for invoking
          'Microsoft.MachineLearningServices/workspaces/datasets/registered/write'
          'Microsoft.MachineLearningServices/workspaces/datasets/unregistered/write'
          'Microsoft.MachineLearningServices/workspaces/datastores/write'
          'Microsoft.MachineLearningServices/workspaces/listStorageAccountKeys/action'
          'Microsoft.MachineLearningServices/workspaces/computes/listKeys/action'
          'Microsoft.MachineLearningServices/workspaces/metrics/resource/write'
          'Microsoft.MachineLearningServices/workspaces/endpoints/pipelines/write'
        ]
        notActions: ['Microsoft.MachineLearningServices/workspaces/*/delete']
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

@description('A slot that failed, or that served before, is deleted: each of its instances costs as long as it is there.')
resource onlineDeployer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'switchyard-online-deployer')
  properties: {
    roleName: 'Switchyard online deployer ${uniqueString(resourceGroup().id)}'
    description: 'Changes online endpoints, their deployments and scoring code, and asks them. Deletes deployments, nothing else.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write'
          'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action'
          'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/write'
          'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/delete'
          'Microsoft.MachineLearningServices/workspaces/codes/*' // the upload of scoring code is more than a write
        ]
        notActions: ['Microsoft.MachineLearningServices/workspaces/codes/*/delete']
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
          'Microsoft.MachineLearningServices/workspaces/environments/versions/write'
        ]
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

@description('training, with its data assets; no deleting')
resource devJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dev.id, principalId, jobRunner.id)
  scope: dev
  properties: {
    roleDefinitionId: jobRunner.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('models that trainings left behind, environments that merges brought')
resource devModels 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dev.id, principalId, modelRegistrar.id)
  scope: dev
  properties: {
    roleDefinitionId: modelRegistrar.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('online endpoints of dev')
resource devOnline 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dev.id, principalId, onlineDeployer.id)
  scope: dev
  properties: {
    roleDefinitionId: onlineDeployer.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('online endpoints of production')
resource productionOnline 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(production.id, principalId, onlineDeployer.id)
  scope: production
  properties: {
    roleDefinitionId: onlineDeployer.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('test inferences and compatibility checks; no deleting')
resource testJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(testing.id, principalId, jobRunner.id)
  scope: testing
  properties: {
    roleDefinitionId: jobRunner.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('deployments to test; no deleting')
resource testAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(testing.id, principalId, batchDeployer.id)
  scope: testing
  properties: {
    roleDefinitionId: batchDeployer.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('deployments to production; no deleting')
resource productionAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(production.id, principalId, batchDeployer.id)
  scope: production
  properties: {
    roleDefinitionId: batchDeployer.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('daily inference, monitoring and the load of the sensor table; no deleting')
resource productionJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(production.id, principalId, jobRunner.id)
  scope: production
  properties: {
    roleDefinitionId: jobRunner.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
