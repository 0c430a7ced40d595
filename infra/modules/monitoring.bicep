// Logs and traces. Only Entra identities may write them.
param name string
param location string

@description('Who may write telemetry.')
param principalId string

@description('Addresses of the team that runs the models.')
@minLength(1)
param teamMails string[]
param tags object

var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 90
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
  }
}

@description('logs, traces and metrics')
resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, monitoringMetricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource team 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ml-ops-team'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'ml-ops'
    enabled: true
    emailReceivers: [for mail in teamMails: {
      name: mail
      emailAddress: mail
      useCommonAlertSchema: true
    }]
  }
}

@description('Too many failed trainings (R-ALERT-5). The app counts; the rule only listens (shared/application/training/ending.py).')
resource trainingFailureRate 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = {
  name: 'training-failure-rate'
  location: location
  tags: tags
  properties: {
    description: 'More training runs failed within a day than the policy allows.'
    severity: 2
    enabled: true
    scopes: [logs.id]
    skipQueryValidation: true // the table comes with the first line
    actions: { actionGroups: [team.id] }
    evaluationFrequency: 'PT5M'
    windowSize: 'PT10M'
    criteria: {
      allOf: [
        {
          query: 'AppTraces | where Message startswith "high training failure rate"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
  }
}

output connectionString string = insights.properties.ConnectionString
output logsId string = logs.id
