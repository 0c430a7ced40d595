using './main.bicep'

// An example, for az and for azd alike. None of it is a secret; every value can come from the environment of whoever deploys, which
// for azd is set by `azd env set`. What platform.bicep makes has the names that stand here.
param mlResourceGroup = readEnvironmentVariable('SWITCHYARD_ML_RESOURCE_GROUP', 'mlops-rg')
param devWorkspace = readEnvironmentVariable('SWITCHYARD_DEV_WORKSPACE', 'dev-ml-workspace')
param testWorkspace = readEnvironmentVariable('SWITCHYARD_TEST_WORKSPACE', 'test-ml-workspace')
param productionWorkspace = readEnvironmentVariable('SWITCHYARD_PRODUCTION_WORKSPACE', 'prod-ml-workspace')
param modelRegistry = readEnvironmentVariable('SWITCHYARD_REGISTRY', 'mlregistry-shared')
param workspaceStorage = [
  readEnvironmentVariable('SWITCHYARD_DEV_STORAGE', 'devmlstorage')
  readEnvironmentVariable('SWITCHYARD_TEST_STORAGE', 'testmlstorage')
  readEnvironmentVariable('SWITCHYARD_PRODUCTION_STORAGE', 'prodmlstorage')
]
param lakeAccount = readEnvironmentVariable('SWITCHYARD_LAKE', 'productiondatalake')
param sensorTable = readEnvironmentVariable('SWITCHYARD_SENSOR_TABLE', 'abfss://lake@productiondatalake.dfs.core.windows.net/processed/sensor_data')

// The registration of the API, which infra/hooks/register_api.sh makes: application id, application id URI, object id.
param apiAudience = [
  readEnvironmentVariable('SWITCHYARD_API_ID', '00000000-0000-0000-0000-000000000000')
  'api://${readEnvironmentVariable('SWITCHYARD_API_ID', '00000000-0000-0000-0000-000000000000')}'
]
param apiObjectId = readEnvironmentVariable('SWITCHYARD_API_OBJECT_ID', '00000000-0000-0000-0000-000000000000')

param teamMails = [readEnvironmentVariable('SWITCHYARD_TEAM_MAIL', 'ml-ops@example.com')]

// The public client that people sign in to the board with: the same registration. Empty: nobody can sign in to it.
param boardClientId = readEnvironmentVariable('SWITCHYARD_BOARD_CLIENT_ID', '')

// True once the code is published: infra/hooks/let_events_in.sh sets it.
param subscribeToEvents = bool(readEnvironmentVariable('SWITCHYARD_SUBSCRIBE', 'false'))

// Only for tokens that list groups: { 'ML-Engineers': '<object id of the group>' }. App roles need nothing here.
param approverGroups = {}
