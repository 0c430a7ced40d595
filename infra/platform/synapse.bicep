// A Synapse workspace with a small Spark pool that pauses by itself. Its roles inside are given by
// `az synapse role assignment create`; Azure's own roles say who may change it.
param workspaceName string
param location string
param lakeAccount string
param lakeContainer string

@description('Addresses of administrators.')
param allowedIps string[]
param devOpsId string
param dataEngineersId string

@description('The workspace that keeps the logs.')
param logsId string
param tags object

var contributor = 'b24988ac-6180-42a0-ab88-20f7382dd24c' // Contributor
var administrators = concat(empty(devOpsId) ? [] : [devOpsId], empty(dataEngineersId) ? [] : [dataEngineersId])

resource synapse 'Microsoft.Synapse/workspaces@2021-06-01' = {
  name: workspaceName
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    azureADOnlyAuthentication: true
    publicNetworkAccess: 'Enabled' // for the addresses below
    managedVirtualNetwork: 'default'
    defaultDataLakeStorage: {
      accountUrl: 'https://${lakeAccount}.dfs.${environment().suffixes.storage}'
      filesystem: lakeContainer
    }
  }

  resource pool 'bigDataPools' = {
    name: 'sensorpool'
    location: location
    tags: tags
    properties: {
      nodeSize: 'Small'
      nodeSizeFamily: 'MemoryOptimized'
      sparkVersion: '3.4'
      autoPause: { enabled: true, delayInMinutes: 5 }
      autoScale: { enabled: true, minNodeCount: 3, maxNodeCount: 5 }
    }
  }
}

resource address 'Microsoft.Synapse/workspaces/firewallRules@2021-06-01' = [for (each, number) in allowedIps: {
  parent: synapse
  name: 'allowed-${number}'
  properties: {
    startIpAddress: contains(each, '/') ? parseCidr(each).firstUsable : each
    endIpAddress: contains(each, '/') ? parseCidr(each).lastUsable : each
  }
}]

resource administrator 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for group in administrators: {
  name: guid(synapse.id, group, contributor)
  scope: synapse
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', contributor)
    principalId: group
    principalType: 'Group'
  }
}]

resource synapseLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: synapse
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource poolLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: synapse::pool
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

output principalId string = synapse.identity.principalId
