"""Azure Monitor: alerts that fire and the action group that sends them. Served by the Azure ML part."""
