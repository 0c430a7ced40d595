// The lake of sensor data: raw/ comes in, processed/ is the one table, monitoring/ is what checks found. The folders come with the
// first file.
param accountName string
param containerName string
param sku string
param location string

@description('With any, nothing else reaches the lake but allowedIps and what Azure trusts.')
param subnetIds string[]
param allowedIps string[]

@description('The workspace that keeps the logs.')
param logsId string
param tags object

resource lake 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    isHnsEnabled: true
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
      deleteRetentionPolicy: { enabled: true, days: 30 }
      containerDeleteRetentionPolicy: { enabled: true, days: 30 }
    }

    resource container 'containers' = {
      name: containerName
      properties: { publicAccess: 'None' }
    }
  }

  resource lifecycle 'managementPolicies' = {
    name: 'default'
    properties: {
      policy: {
        rules: [
          {
            name: 'raw-files-are-read-once'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${containerName}/raw/'] }
              actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: 30 } } }
            }
          }
          {
            name: 'checks-are-kept-for-two-years'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${containerName}/monitoring/'] }
              actions: {
                baseBlob: {
                  tierToCool: { daysAfterModificationGreaterThan: 90 }
                  delete: { daysAfterModificationGreaterThan: 730 }
                }
              }
            }
          }
        ]
      }
    }
  }
}

@description('The one copy of what the sensors measured.')
resource keepLake 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-lake'
  scope: lake
  properties: { level: 'CanNotDelete' }
}

resource lakeLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: lake::blobs
  properties: {
    workspaceId: logsId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}
