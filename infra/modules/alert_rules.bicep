// Who hears of what. The app tells numbers (shared/measures.py), these rules listen. They are in the resource group of
// the workspaces, because config/policies.yml counts only what fires there; it lists those that the app acts on itself.
param location string

@description('The workspace that has the metrics.')
param logsId string

@description('Address of the API that takes alerts.')
param alertsUrl string

@description('Object id of the application registration of the API. Empty: the app is not told, people are.')
param apiObjectId string

@description('Application id URI of the API.')
param apiIdentifierUri string

@description('Addresses of the team that runs the models.')
param teamMails string[]

@description('Telephones of those on call, as countryCode and phoneNumber: severity 1 goes there too.')
param callPhones array
param tags object

var circuit = ['plant_id', 'circuit_id']
var extended = '| extend plant_id = tostring(Properties.plant_id), circuit_id = tostring(Properties.circuit_id), rule = tostring(Properties.rule), queue = tostring(Properties.queue), release_kind = tostring(Properties.release_kind)'
var findings = 'AppMetrics | where Name == "switchyard.findings" ${extended}'
var excess = 'AppMetrics | where Name == "switchyard.excess" ${extended}'

// acts: the app is told and decides. calls: those on call are told. above: of the largest value, not of the sum.
var rules = [
  {
    name: 'model-performance-degradation' // R-ALERT-1: mae or rmse, as a part of the bound of the circuit
    severity: 2
    query: '${excess} | where rule == "model-performance-degradation"'
    above: 1
    dimensions: circuit
    acts: true
    says: 'A model of production is worse than its bounds allow.'
  }
  {
    name: 'data-drift' // R-ALERT-2
    severity: 3
    query: '${excess} | where rule == "data-drift"'
    above: 1
    dimensions: circuit
    acts: true
    says: 'The input of a circuit moved away from what its model was trained on.'
  }
  {
    name: 'batch-job-failure' // R-ALERT-3
    severity: 1
    query: '${findings} | where rule == "batch-job-failure"'
    dimensions: circuit
    acts: true
    calls: true
    says: 'A job of daily inference failed.'
  }
  {
    name: 'scoring-errors'
    severity: 1
    query: 'AppMetrics | where Name == "switchyard.scoring_errors" ${extended}'
    dimensions: circuit
    acts: true
    calls: true
    says: 'A batch job ended and left nothing of use.'
  }
  {
    name: 'training-failure-rate' // R-ALERT-5
    severity: 2
    query: '${findings} | where rule == "training-failures"'
    says: 'More trainings failed within a day than the policy allows.'
  }
  {
    name: 'predictions-missing'
    severity: 2
    query: '${findings} | where rule == "predictions-missing"'
    dimensions: circuit
    says: 'A circuit has no predictions for a day, every try used up.'
  }
  {
    name: 'model-degraded'
    severity: 2
    query: '${excess} | where rule == "model-degraded"'
    above: 1
    dimensions: circuit
    says: 'A model of production is worse than it was at its release.'
  }
  {
    name: 'sensor-load'
    severity: 2
    query: '${findings} | where rule == "sensor-etl"'
    says: 'A load of the sensor table failed, was late or was not clean.'
  }
  {
    name: 'releases-held'
    severity: 2
    query: 'AppMetrics | where Name == "switchyard.releases_held" ${extended}'
    dimensions: ['release_kind', 'plant_id', 'circuit_id']
    says: 'A release is held and waits for a person.'
  }
  {
    name: 'gates-ending'
    severity: 3
    query: 'AppMetrics | where Name == "switchyard.gates_ending"'
    above: 0
    says: 'A gate ends within two hours and nobody has decided.'
  }
  {
    name: 'dead-letters'
    severity: 1
    query: 'AppMetrics | where Name == "switchyard.dead_letters" ${extended}'
    dimensions: ['queue']
    calls: true
    says: 'A message could not be processed.'
  }
  {
    name: 'rollback-late'
    severity: 1
    query: 'AppMetrics | where Name == "switchyard.rollback_begun_s" ${extended}'
    above: 60 // L5: a minute from the alert to the first write
    dimensions: ['release_kind']
    calls: true
    says: 'A rollback began later than a minute after its alert.'
  }
  {
    name: 'rollback-long'
    severity: 2
    query: 'AppMetrics | where Name == "switchyard.rollback_done_s" ${extended}'
    above: 3600 // rollback_deadline_s of config/policies.yml
    dimensions: ['release_kind']
    says: 'A rollback took longer than an hour.'
  }
]

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

resource onCall 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ml-ops-on-call'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'ml-on-call'
    enabled: true
    smsReceivers: [for (phone, number) in callPhones: {
      name: 'phone-${number}'
      countryCode: phone.countryCode
      phoneNumber: phone.phoneNumber
    }]
  }
}

@description('A webhook with a token of Entra; the service principal of Azure Monitor needs the app role Alerts.Send.')
resource app 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(apiObjectId)) {
  name: 'switchyard'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'switchyard'
    enabled: true
    webhookReceivers: [
      {
        name: 'switchyard'
        serviceUri: alertsUrl
        useCommonAlertSchema: true
        useAadAuth: true
        objectId: apiObjectId
        identifierUri: apiIdentifierUri
        tenantId: tenant().tenantId
      }
    ]
  }
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for each in rules: {
  name: each.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    description: each.says
    severity: each.severity
    enabled: true
    scopes: [logsId]
    skipQueryValidation: true // the table comes with the first metric
    evaluationFrequency: each.severity == 1 ? 'PT1M' : 'PT5M'
    windowSize: each.severity == 1 ? 'PT5M' : 'PT15M'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: each.query
          metricMeasureColumn: contains(each, 'above') ? 'Max' : 'Sum'
          timeAggregation: contains(each, 'above') ? 'Maximum' : 'Total'
          operator: 'GreaterThan'
          threshold: each.?above ?? 0
          dimensions: map(each.?dimensions ?? [], name => { name: name, operator: 'Include', values: ['*'] })
        }
      ]
    }
    actions: {
      actionGroups: concat(
        [team.id],
        contains(each, 'calls') ? [onCall.id] : [],
        contains(each, 'acts') && !empty(apiObjectId) ? [app.id] : []
      )
    }
  }
}]

@description('The sweeper runs every minute; nothing else would notice that it does not.')
resource sweepsMissing 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'sweeps-missing'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    description: 'No sweep for five minutes: what was lost on the way is not brought back.'
    severity: 1
    enabled: true
    scopes: [logsId]
    skipQueryValidation: true
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'AppMetrics | where Name == "switchyard.sweeps" | summarize sweeps = count()'
          metricMeasureColumn: 'sweeps'
          timeAggregation: 'Total'
          operator: 'LessThan'
          threshold: 1
        }
      ]
    }
    actions: { actionGroups: [team.id, onCall.id] }
  }
}
