// The function app on the Flex Consumption plan. What other plans say in app settings (runtime, version of the host,
// package) is said in functionAppConfig; this plan refuses those settings, and ftpsState and linuxFxVersion too.
param functionAppName string
param location string

@description('The user-assigned identity the app runs as and reads its package with.')
param identityId string

@description('The blob container of the code package.')
param packageContainerUri string
param maximumInstanceCount int

@description('Instances in several zones of the region, where it has them.')
param zoneRedundant bool
param alwaysReady array

@description('Subnet that the app reaches other services from, delegated to Microsoft.App/environments; empty for none.')
param subnetId string

@description('The workspace that keeps the metrics. What the app logs comes there through Application Insights.')
param logsId string

@description('App settings by name.')
param appSettings object
param tags object

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${functionAppName}-plan'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true // Linux
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: functionAppName
  location: location
  tags: union(tags, { 'azd-service-name': 'app' }) // azd finds by it where to publish
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled' // people, webhooks and action groups come from everywhere, with tokens or signatures
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      runtime: { name: 'python', version: '3.11' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
        triggers: {
          http: { perInstanceConcurrency: 16 } // Python's default is 1; the functions are async
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: [for setting in items(appSettings): {
        name: setting.key
        value: setting.value
      }]
    }
  }
}

// Publishing takes an Entra token: the site has no publishing password.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource appMetrics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: app
  properties: {
    workspaceId: logsId
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output functionAppId string = app.id
output hostName string = app.properties.defaultHostName
