// What compute costs, told to the finance team when it happened and when it is forecast.
param amount int
param startDate string
param financeMails string[]
param tags object

resource finance 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'finance-team'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'finance'
    enabled: true
    emailReceivers: [for mail in financeMails: {
      name: mail
      emailAddress: mail
      useCommonAlertSchema: true
    }]
  }
}

resource compute 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'compute-of-a-month'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    filter: {
      dimensions: {
        name: 'MeterCategory'
        operator: 'In'
        values: ['Virtual Machines', 'Azure Machine Learning', 'Azure Synapse Analytics']
      }
    }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Actual'
        contactEmails: financeMails
        contactGroups: [finance.id]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: financeMails
        contactGroups: [finance.id]
      }
    }
  }
}
