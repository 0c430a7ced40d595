// A workspace with what it needs: storage, vault, insights, a cluster with an identity of its own, and the lake as data store.
@description('dev, test or production; part of the names.')
param stage string
param workspaceName string
param location string

@description('Makes names unique in Azure.')
param suffix string
param containerRegistryId string
param containerRegistryName string
param lakeAccount string
param lakeContainer string
param clusterName string
param clusterSize string
param nodesMax int
param clusterSubnetId string

@description('With any, nothing else reaches storage and vault but allowedIps and what Azure trusts.')
param subnetIds string[]
param allowedIps string[]

@description('The workspace that keeps the logs.')
param logsId string
param tags object

var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d' // AcrPull
var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec' // AcrPush
var short = take(stage, 4)

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'sw${short}${suffix}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled' // for those that networkAcls lets in
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: empty(subnetIds) ? 'Allow' : 'Deny'
      virtualNetworkRules: [for subnet in subnetIds: { id: subnet, action: 'Allow' }]
      ipRules: [for address in allowedIps: { value: address, action: 'Allow' }]
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      isVersioningEnabled: true
      deleteRetentionPolicy: { enabled: true, days: 30 }
      containerDeleteRetentionPolicy: { enabled: true, days: 30 }
    }
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: storage
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'artifacts-for-two-years' // R-AZURE-9: nothing is deleted by rule but what was written over long ago
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: {
              baseBlob: { tierToCool: { daysAfterModificationGreaterThan: 180 } }
              version: { delete: { daysAfterCreationGreaterThan: 730 } }
            }
          }
        }
      ]
    }
  }
  dependsOn: [storage::blobs] // versions have to be on
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: 'sw-${short}-${suffix}'
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: 'enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: empty(subnetIds) ? 'Allow' : 'Deny'
      virtualNetworkRules: [for subnet in subnetIds: { id: subnet }]
      ipRules: [for address in allowedIps: { value: address }]
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${workspaceName}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logsId
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
  }
}

resource clusterIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${workspaceName}-cluster'
  location: location
  tags: tags
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  name: workspaceName
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  sku: { name: 'Basic', tier: 'Basic' }
  properties: {
    friendlyName: workspaceName
    storageAccount: storage.id
    keyVault: vault.id
    applicationInsights: insights.id
    containerRegistry: containerRegistryId
    systemDatastoresAuthMode: 'Identity' // no keys are handed out
    publicNetworkAccess: 'Enabled' // nobody enters without a role
  }

  resource lake 'datastores' = {
    name: 'sensor_lake'
    properties: {
      datastoreType: 'AzureDataLakeGen2'
      accountName: lakeAccount
      filesystem: lakeContainer
      credentials: { credentialsType: 'None' } // read as the identity of the job
      serviceDataAccessAuthIdentity: 'WorkspaceSystemAssignedIdentity'
    }
  }

  resource cluster 'computes' = {
    name: clusterName
    location: location
    tags: tags
    identity: {
      type: 'UserAssigned'
      userAssignedIdentities: { '${clusterIdentity.id}': {} }
    }
    properties: {
      computeType: 'AmlCompute'
      disableLocalAuth: true
      properties: {
        osType: 'Linux'
        vmSize: clusterSize
        vmPriority: 'Dedicated' // low-priority machines ended in March 2026
        scaleSettings: {
          minNodeCount: 0
          maxNodeCount: nodesMax
          nodeIdleTimeBeforeScaleDown: 'PT2M'
        }
        remoteLoginPortPublicAccess: 'Disabled'
        subnet: empty(clusterSubnetId) ? null : { id: clusterSubnetId }
      }
    }
  }
}

@description('The workspace looks after its own files.')
resource workspaceOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, workspace.id, storageBlobDataContributor)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: workspace.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

@description('Jobs write what they made.')
resource clusterOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, clusterIdentity.id, storageBlobDataContributor)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: clusterIdentity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource images 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: containerRegistryName
}

@description('Nodes pull the images of environments.')
resource clusterOnImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(images.id, clusterIdentity.id, acrPull)
  scope: images
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
    principalId: clusterIdentity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

@description('The workspace builds images of environments.')
resource workspaceOnImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(images.id, workspace.id, acrPush)
  scope: images
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPush)
    principalId: workspace.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource workspaceLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: workspace
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource vaultLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: vault
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource storageLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: storage::blobs
  properties: {
    workspaceId: logsId
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

output storageAccount string = storage.name
output clusterPrincipalId string = clusterIdentity.properties.principalId
