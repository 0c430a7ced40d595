"""How large an object of git becomes, told by its header before anything of it is inflated.

300 KB of a pack can become 300 MB, and a delta of 20 bytes as well. The form of packs: gitformat-pack(5).
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from shared.application.changes.ports import RepositoryRefused

if TYPE_CHECKING:
    from dulwich.objects import ObjectID
    from dulwich.repo import BaseRepo

OBJECT_BYTES_MAX = 128 * 1024 * 1024
"""Of any object of the repository: a process has 2 GiB."""

OBJECTS_MAX = 2_000_000
INFLATED_BYTES_MAX = 16 * 1024**3
"""Of all objects of one pack together: it is time that this costs, as each is looked at alone."""

_OFS_DELTA, _REF_DELTA = 6, 7
_HEAD_BYTES = 64  # enough for the header of an object, and for both sizes that a delta begins with
_PIECE = 64 * 1024
_CHAIN_MAX = 4_096  # git makes chains of 50


class _Entry(NamedTuple):
    """One object of a pack: `size` is what its own stream becomes, for a delta not yet what it makes."""

    kind: int
    size: int
    base_offset: int = 0
    base_id: bytes = b""


def read_object(repo: "BaseRepo", sha: "ObjectID", bytes_max: int) -> tuple[int, bytes]:
    """Type and content. Raises RepositoryRefused where it, or what it is made from, is larger; KeyError for none."""
    if size_of(repo.object_store, sha) > bytes_max:
        raise _too_large(bytes_max)
    return repo.object_store.get_raw(sha)


def _too_large(bytes_max: int) -> RepositoryRefused:
    return RepositoryRefused(
        f"an object is larger than {bytes_max / (1024 * 1024):.3g} MiB: keep large files out of it"
    )


def size_of(store: Any, sha: "ObjectID") -> int:
    """The largest size on the way to an object's content. Raises KeyError for one that is not there."""
    size = _size_on_disk(store, sha)
    return len(store.get_raw(sha)[1]) if size is None else size


def _size_on_disk(store: Any, sha: "ObjectID") -> int | None:
    """None where the header is on no disk: a store in memory has inflated everything already."""
    for pack in getattr(store, "packs", ()):
        try:
            offset = pack.index.object_offset(sha)
        except KeyError:
            continue
        return _packed_size(store, pack, offset)
    folder = getattr(store, "path", None)
    if folder is not None:
        name = sha.decode()
        loose = Path(folder, name[:2], name[2:])
        if loose.exists():
            with loose.open("rb") as file:
                head = zlib.decompressobj().decompress(file.read(_PIECE), _HEAD_BYTES)
            return int(head.partition(b"\0")[0].split()[1])
    found = (_size_on_disk(other, sha) for other in getattr(store, "alternates", ()))
    return next((size for size in found if size is not None), None)


def _packed_size(store: Any, pack: Any, offset: int) -> int:
    """The largest of the object and every base that it is made from."""
    largest = 0
    with Path(pack.data.path).open("rb") as file:
        for _ in range(_CHAIN_MAX):
            file.seek(offset)
            entry = _entry(file.read)
            largest = max(largest, entry.size)
            if entry.kind not in (_OFS_DELTA, _REF_DELTA):
                return largest
            largest = max(largest, _made_size(zlib.decompressobj().decompress(file.read(_PIECE), _HEAD_BYTES)))
            if entry.kind == _REF_DELTA:
                return max(largest, size_of(store, entry.base_id.hex().encode()))  # type: ignore[arg-type]  # an ObjectID
            offset -= entry.base_offset
    raise RepositoryRefused("an object is made from too many others: repack the repository")


def check_pack(file: IO[bytes]) -> None:
    """Reads through a pack in small pieces. Raises RepositoryRefused where indexing it would cost too much.

    Ends silently at what is no pack: whoever indexes it says why.
    """
    file.seek(0)
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"PACK":
        return
    count = int.from_bytes(head[8:], "big")
    if count > OBJECTS_MAX:
        raise RepositoryRefused(f"the repository has more than {OBJECTS_MAX:,} objects: start a smaller one")
    left = INFLATED_BYTES_MAX
    for _ in range(count):
        try:
            entry = _entry(file.read)
            if entry.size > OBJECT_BYTES_MAX:
                raise _too_large(OBJECT_BYTES_MAX)
            begin = _skip(file, entry.size)
        except (zlib.error, IndexError):
            return
        is_delta = entry.kind in (_OFS_DELTA, _REF_DELTA)
        made = _made_size(begin) if is_delta else entry.size
        if made > OBJECT_BYTES_MAX:
            raise _too_large(OBJECT_BYTES_MAX)
        left -= max(made, entry.size)
        if left < 0:
            raise RepositoryRefused(f"the repository becomes more than {INFLATED_BYTES_MAX // 1024**3} GiB")


def _skip(file: IO[bytes], size: int) -> bytes:
    """Goes to the end of a stream that becomes `size` bytes; returns how it begins."""
    stream = zlib.decompressobj()
    begin, done = b"", 0
    rest = b""
    while not stream.eof:
        fed = rest or file.read(_PIECE)
        if not fed:
            raise zlib.error("the pack ends too early")
        piece = stream.decompress(fed, _PIECE)
        rest = stream.unconsumed_tail
        done += len(piece)
        begin = begin or piece[:_HEAD_BYTES]
        if done > size:
            raise zlib.error("more than its header says")
    file.seek(-len(stream.unused_data), 1)
    return begin


def _entry(read: Callable[[int], bytes]) -> _Entry:
    first = read(1)[0]
    kind, size, shift, byte = first >> 4 & 7, first & 15, 4, first
    while byte & 0x80:
        byte = read(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if shift > _HEAD_BYTES:
            raise IndexError("a size without end")
    if kind == _REF_DELTA:
        return _Entry(kind, size, base_id=read(20))
    if kind != _OFS_DELTA:
        return _Entry(kind, size)
    byte = read(1)[0]
    offset = byte & 0x7F
    while byte & 0x80:
        byte = read(1)[0]
        offset = (offset + 1 << 7) | byte & 0x7F
        if offset >> _HEAD_BYTES:
            raise IndexError("an offset without end")
    return _Entry(kind, size, base_offset=offset)


def _made_size(delta: bytes) -> int:
    """The larger of the two sizes that a delta begins with: of its base, and of what it makes."""
    sizes, place = [], 0
    for _ in range(2):
        size = shift = 0
        while True:
            byte = delta[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        sizes.append(size)
    return max(sizes)
