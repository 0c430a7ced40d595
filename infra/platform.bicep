// What Switchyard stands on, for whoever has nothing yet: registry, workspaces, lake, clusters, rights of people, budget. Each part
// can be left out and named instead, where it is there already. Deployed to the resource group of the workspaces, before main.bicep.
targetScope = 'resourceGroup'

@description('Prefix of every name.')
@minLength(3)
@maxLength(11)
param name string = 'switchyard'

param location string = resourceGroup().location

@description('False: the registry is there already.')
param makeRegistry bool = true

@description('The registry that all workspaces share.')
@minLength(3)
@maxLength(33)
param modelRegistry string

@description('Resource group of the registry, where it is there already.')
@maxLength(90)
param registryResourceGroup string = resourceGroup().name

@minLength(3)
@maxLength(33)
param devWorkspace string

@minLength(3)
@maxLength(33)
param testWorkspace string

@minLength(3)
@maxLength(33)
param productionWorkspace string

@description('Which workspaces are made, with storage, vault, insights and cluster; the others are there already.')
@allowed(['dev', 'test', 'production'])
param makeWorkspaces string[] = ['dev', 'test', 'production']

@description('False: the lake is there already.')
param makeLake bool = true

@description('Name of the storage account of the lake, unique in Azure.')
@minLength(3)
@maxLength(24)
param lakeAccount string = 'swlake${uniqueString(resourceGroup().id)}'

@description('Resource group of the lake, where it is there already.')
@maxLength(90)
param lakeResourceGroup string = resourceGroup().name

@description('Container of raw/, processed/ and monitoring/.')
@minLength(3)
@maxLength(63)
param lakeContainer string = 'lake'

@description('How the lake is replicated.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param lakeSku string = 'Standard_LRS'

@description('Machines of the clusters. Standard_DSv2 is retired on 2028-05-01: choose another where there is quota.')
param devSize string = 'Standard_DS3_v2'
param testSize string = 'Standard_DS2_v2'
param productionSize string = 'Standard_DS3_v2'

@description('Nodes of each cluster at most. It has none while there is nothing to do.')
@minValue(1)
@maxValue(100)
param nodesMax int = 4

@description('Name of the cluster in each workspace: that of config/policies.yml.')
@minLength(3)
@maxLength(32)
param clusterName string = 'cpu-cluster'

@description('True: a Synapse workspace with a small Spark pool. The load of the sensor table does not need it.')
param makeSynapse bool = false

@description('Object ids of Entra groups; empty for a group that there is not.')
param dataScientistsId string = ''
param mlEngineersId string = ''
param devOpsId string = ''
param dataEngineersId string = ''

@description('Subnets of the clusters and of the app, with the endpoints Microsoft.Storage and Microsoft.KeyVault. With any, storage and vaults are closed to all others.')
param subnetIds string[] = []

@description('Subnet that the nodes of the clusters are in; empty for none.')
param clusterSubnetId string = ''

@description('Addresses and ranges of people and agents that reach storage and vaults as well, where there are subnets.')
param allowedIps string[] = []

@description('Compute of a month above this many dollars is told to the finance team, and when it is forecast.')
@minValue(1)
param budgetAmount int = 1000

@description('First of the month from which the budget counts, as 2026-12-01. Azure takes no day of an earlier month.')
param budgetStartDate string

@description('Addresses of the finance team.')
@minLength(1)
param financeMails string[]

param tags object = {}

var suffix = uniqueString(resourceGroup().id)
var workspaces = {
  dev: { name: devWorkspace, size: devSize, writesLake: false }
  test: { name: testWorkspace, size: testSize, writesLake: false }
  production: { name: productionWorkspace, size: productionSize, writesLake: true } // its cluster loads the sensor table
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-platform-logs'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 90
    features: { disableLocalAuth: true }
  }
}

module containerRegistry 'platform/container_registry.bicep' = {
  name: '${name}-container-registry'
  params: { registryName: 'swacr${suffix}', location: location, logsId: logs.id, tags: tags }
}

module registry 'platform/registry.bicep' = if (makeRegistry) {
  name: '${name}-registry'
  params: { registryName: modelRegistry, location: location, logsId: logs.id, tags: tags }
}

module lake 'platform/lake.bicep' = if (makeLake) {
  name: '${name}-lake'
  params: {
    accountName: lakeAccount
    containerName: lakeContainer
    sku: lakeSku
    location: location
    subnetIds: subnetIds
    allowedIps: allowedIps
    logsId: logs.id
    tags: tags
  }
}

module workspace 'platform/workspace.bicep' = [for stage in makeWorkspaces: {
  name: '${name}-workspace-${stage}'
  params: {
    stage: stage
    workspaceName: workspaces[stage].name
    location: location
    suffix: suffix
    containerRegistryId: containerRegistry.outputs.registryId
    containerRegistryName: containerRegistry.outputs.registryName
    lakeAccount: lakeAccount
    lakeContainer: lakeContainer
    clusterName: clusterName
    clusterSize: workspaces[stage].size
    nodesMax: nodesMax
    clusterSubnetId: clusterSubnetId
    subnetIds: subnetIds
    allowedIps: allowedIps
    logsId: logs.id
    tags: tags
  }
}]

module clusterOnLake 'modules/lake_access.bicep' = [for (stage, number) in makeWorkspaces: {
  name: '${name}-cluster-on-lake-${stage}'
  scope: resourceGroup(lakeResourceGroup)
  params: {
    lakeAccount: lakeAccount
    principalId: workspace[number].outputs.clusterPrincipalId
    writes: workspaces[stage].writesLake
  }
  dependsOn: [lake]
}]

module clusterOnRegistry 'modules/registry_access.bicep' = [for (stage, number) in makeWorkspaces: {
  name: '${name}-cluster-on-registry-${stage}'
  scope: resourceGroup(registryResourceGroup)
  params: { modelRegistry: modelRegistry, principalId: workspace[number].outputs.clusterPrincipalId }
  dependsOn: [registry]
}]

module people 'platform/people.bicep' = [for stage in ['dev', 'test', 'production']: {
  name: '${name}-people-${stage}'
  params: {
    workspaceName: workspaces[stage].name
    isProduction: stage == 'production'
    dataScientistsId: dataScientistsId
    mlEngineersId: mlEngineersId
    devOpsId: devOpsId
  }
  dependsOn: [workspace]
}]

module lakePeople 'platform/lake_people.bicep' = if (!empty(dataEngineersId)) {
  name: '${name}-lake-people'
  scope: resourceGroup(lakeResourceGroup)
  params: { lakeAccount: lakeAccount, dataEngineersId: dataEngineersId }
  dependsOn: [lake]
}

module synapse 'platform/synapse.bicep' = if (makeSynapse) {
  name: '${name}-synapse'
  params: {
    workspaceName: '${toLower(name)}-syn-${suffix}'
    location: location
    lakeAccount: lakeAccount
    lakeContainer: lakeContainer
    allowedIps: allowedIps
    devOpsId: devOpsId
    dataEngineersId: dataEngineersId
    logsId: logs.id
    tags: tags
  }
  dependsOn: [lake]
}

module synapseOnLake 'modules/lake_access.bicep' = if (makeSynapse) {
  name: '${name}-synapse-on-lake'
  scope: resourceGroup(lakeResourceGroup)
  params: {
    lakeAccount: lakeAccount
    principalId: makeSynapse ? synapse.outputs.principalId : ''
    writes: true
  }
}

module budget 'platform/budget.bicep' = {
  name: '${name}-budget'
  params: { amount: budgetAmount, startDate: budgetStartDate, financeMails: financeMails, tags: tags }
}

output lakeAccount string = lakeAccount
output sensorTable string = 'abfss://${lakeContainer}@${lakeAccount}.dfs.${environment().suffixes.storage}/processed/sensor_data'
output workspaceStorage array = [for (stage, number) in makeWorkspaces: workspace[number].outputs.storageAccount]
