// Secrets of webhooks and of the repository. The platform hands them to the app; nobody else reads them by this template.
@minLength(3)
@maxLength(24)
param vaultName string
param location string

@description('Who reads the secrets: the app, by its settings.')
param principalId string

@description('Subnet of the app; empty for a vault that is reached from everywhere with a role.')
param appSubnetId string
param allowedIps string[]

@description('The workspace that keeps the logs.')
param logsId string
param tags object

var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: vaultName
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
      defaultAction: empty(appSubnetId) ? 'Allow' : 'Deny'
      virtualNetworkRules: empty(appSubnetId) ? [] : [{ id: appSubnetId }]
      ipRules: [for address in allowedIps: { value: address }]
    }
  }
}

@description('secrets of webhooks, and tokens of the repository')
resource secretsReader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource vaultLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: vault
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output vaultUri string = vault.properties.vaultUri
