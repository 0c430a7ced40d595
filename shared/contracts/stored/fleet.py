"""How what an endpoint runs is kept."""

from shared.application.release.production import EndpointRead
from shared.contracts.stored.form import StoredForm

ENDPOINT_READ = StoredForm("endpoint", EndpointRead)
