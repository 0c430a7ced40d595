"""What fills a local cloud: sensor data, models, a fleet in production, environment versions, evidence."""
