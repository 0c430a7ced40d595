// What groups of people may do in one workspace. Nobody deploys to production by hand but those who run the platform: models and
// environments come there by Switchyard.
param workspaceName string
param isProduction bool
param dataScientistsId string
param mlEngineersId string
param devOpsId string

var azureMlDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121' // AzureML Data Scientist
var azureMlComputeOperator = 'e503ece1-11d0-4e8e-8e2c-7a6c3bf38815' // AzureML Compute Operator
var reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7' // Reader
var contributor = 'b24988ac-6180-42a0-ab88-20f7382dd24c' // Contributor

var given = concat(
  empty(dataScientistsId) ? [] : [{ group: dataScientistsId, role: isProduction ? reader : azureMlDataScientist }],
  empty(mlEngineersId) ? [] : [
    { group: mlEngineersId, role: isProduction ? reader : azureMlDataScientist }
    { group: mlEngineersId, role: azureMlComputeOperator }
  ],
  empty(devOpsId) ? [] : [{ group: devOpsId, role: contributor }]
)

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource right 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for each in given: {
  name: guid(workspace.id, each.group, each.role)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', each.role)
    principalId: each.group
    principalType: 'Group'
  }
}]
