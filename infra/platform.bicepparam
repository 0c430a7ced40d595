using './platform.bicep'

// An example. None of it is a secret; every value can come from the environment of whoever deploys.
param modelRegistry = readEnvironmentVariable('SWITCHYARD_REGISTRY', 'mlregistry-shared')
param devWorkspace = readEnvironmentVariable('SWITCHYARD_DEV_WORKSPACE', 'dev-ml-workspace')
param testWorkspace = readEnvironmentVariable('SWITCHYARD_TEST_WORKSPACE', 'test-ml-workspace')
param productionWorkspace = readEnvironmentVariable('SWITCHYARD_PRODUCTION_WORKSPACE', 'prod-ml-workspace')
param budgetStartDate = readEnvironmentVariable('SWITCHYARD_BUDGET_START', '2026-12-01')
param financeMails = [readEnvironmentVariable('SWITCHYARD_FINANCE_MAIL', 'finance@example.com')]

// Object ids of Entra groups; a group that is left out gets no rights.
param dataScientistsId = readEnvironmentVariable('SWITCHYARD_DATA_SCIENTISTS', '')
param mlEngineersId = readEnvironmentVariable('SWITCHYARD_ML_ENGINEERS', '')
param devOpsId = readEnvironmentVariable('SWITCHYARD_DEVOPS', '')
param dataEngineersId = readEnvironmentVariable('SWITCHYARD_DATA_ENGINEERS', '')
