using './main.bicep'

// An example. None of it is a secret; copy it for each environment.
param mlResourceGroup = 'mlops-rg'
param devWorkspace = 'dev-ml-workspace'
param testWorkspace = 'test-ml-workspace'
param productionWorkspace = 'prod-ml-workspace'
param modelRegistry = 'mlregistry-shared'
param workspaceStorage = ['devmlstorage', 'testmlstorage', 'prodmlstorage']
param lakeAccount = 'productiondatalake'
param apiObjectId = '00000000-0000-0000-0000-000000000000'
param teamMails = ['ml-ops@example.com']
param sensorTable = 'abfss://lake@productiondatalake.dfs.core.windows.net/processed/sensor_data'

// The application id of the API's registration, and its application id URI.
param apiAudience = [
  '00000000-0000-0000-0000-000000000000'
  'api://00000000-0000-0000-0000-000000000000'
]

// The application that people sign in to the board with: here the API's own registration.
param boardClientId = '00000000-0000-0000-0000-000000000000'

// Only for tokens that list groups: { 'ML-Engineers': '<object id of the group>' }. App roles need nothing here.
param approverGroups = {}
