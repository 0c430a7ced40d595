"""Who made a candidate: by Azure ML's record, by the app's own, and by what tags claim, tied to people."""

from collections.abc import Iterable

from shared.application.platform_ports import RegisteredEnvironment, RegisteredModel
from shared.application.release.ports import MakerRecords, Ports
from shared.domain.makers import Account, AccountKind, Maker, named_in, together

CLAIMING_TAGS = ("pr_author", "requested_by", "registered_by")
"""They may bring in one more person who may not decide, and never stand for one who is missing."""


async def makers_of(
    found: RegisteredModel | RegisteredEnvironment, asset: tuple[str, str], records: MakerRecords, ports: Ports
) -> tuple[Maker, ...]:
    """Everybody who had a part in the version `asset`, by name and version. Raises PlatformBusy and TransientFault."""
    registered = [Account(kind=AccountKind.ENTRA_NAME, name=each, proven=True) for each in found.created_by]
    recorded = await records.makers_of(*asset, found.tags)
    if recorded is None:
        recorded = named_in(found.tags, *CLAIMING_TAGS)
    return ports.config.people().makers(together(registered, recorded))


def requesters_of(makers: Iterable[Maker]) -> tuple[str, ...]:
    """Object ids, and every name: a name can only forbid."""
    names = {each for maker in makers for each in (maker.object_id, maker.account.name)}
    return tuple(sorted(names - {""}))
