"""A bucket as a value, and operations on it: what each answers, and what it makes of the bucket. No IO in here.

`apply` of an operation returns its answer and the bucket afterwards. The cloud names versions, so they have no names here: a
version is a place in the history of its key, from new to old, and what it holds.
The sweeps compare the embedded OSS with it. After a kill, a bucket is what the acknowledged operations made of it, with or
without the one that was under way. After a race, answers and bucket are those of some serial order.
"""

from __future__ import annotations

import hashlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

OK = "ok"
_Value = TypeVar("_Value")
MIN_PART = 100 * 1024  # bytes of every part but the last


@dataclass(frozen=True)
class Stored:
    """An object."""

    content: bytes = field(repr=False)
    kind: str = "Normal"
    mark: str = ""  # the value of its x-oss-meta-mark
    acl: str = "default"
    tag: str = ""  # the value of its only tag; empty: none
    null: bool = True  # its version's id is `null`

    def __str__(self) -> str:
        digest = hashlib.sha256(self.content).hexdigest()[:8]
        shown = f"{self.kind} {len(self.content)} bytes {digest}, mark {self.mark}, {self.acl}, tag {self.tag!r}"
        return f"<{shown}{'' if self.null else ', a version'}>"


@dataclass(frozen=True)
class Marker:
    """A delete marker."""

    null: bool  # likewise


Version: TypeAlias = Stored | Marker
History: TypeAlias = tuple[Version, ...]  # of a key, from new to old; a marker in front hides the rest


@dataclass(frozen=True)
class Upload:
    """A multipart upload that has not ended."""

    key: str
    mark: str
    parts: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class World:
    """A bucket: the histories of its keys, its uploads by the name that the test gave them, and its settings."""

    histories: Mapping[str, History] = field(default_factory=dict)
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    settings: Mapping[str, str] = field(
        default_factory=dict
    )  # versioning, lifecycle, tagging, encryption, acl -> a mark

    @property
    def objects(self) -> dict[str, Stored]:
        """The objects by key: the versions that are current, unless they are markers."""
        return {key: past[0] for key, past in self.histories.items() if isinstance(past[0], Stored)}

    def must_stay(self, key: str) -> bool:
        """Return whether forbidding to overwrite refuses an upload to a key: not where versions are kept."""
        return key in self.objects and not self.settings.get("versioning")

    def with_object(self, key: str, item: Stored) -> World:
        """Return the bucket after an object was put at a key."""
        return self._after(key, replace(item, null=self.settings.get("versioning") != "Enabled"))

    def without_object(self, key: str) -> World:
        """Return the bucket after the object at a key was deleted, whether there was one or not."""
        state = self.settings.get("versioning")
        return self._after(key, Marker(null=state == "Suspended") if state else None)

    def with_version(self, key: str, place: int, item: Version | None) -> World:
        """Return the bucket with another version, or none, in a place of a key's history."""
        past = self.histories[key]
        return self._with(key, (*past[:place], *((item,) if item else ()), *past[place + 1 :]))

    def _after(self, key: str, newest: Version | None) -> World:
        """Return the bucket after something new came to a key: of what has the id `null` there is one at most."""
        past = self.histories.get(key, ())
        kept = past if newest and not newest.null else tuple(each for each in past if not each.null)
        return self._with(key, (newest, *kept) if newest else kept)

    def _with(self, key: str, history: History) -> World:
        return replace(self, histories=_changed(self.histories, key, history or None))

    def with_upload(self, name: str, upload: Upload | None) -> World:
        """Return the bucket with an upload, or without it."""
        return replace(self, uploads=_changed(self.uploads, name, upload))


def _changed(before: Mapping[str, _Value], name: str, value: _Value | None) -> dict[str, _Value]:
    rest = {each: item for each, item in before.items() if each != name}
    return rest if value is None else {**rest, name: value}


@dataclass(frozen=True)
class Reply:
    """The answer of an operation: ok or an error code, and the content that was read."""

    code: str
    content: bytes | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.code if self.content is None else f"{self.code} with {mark_of(self.content)}"


Result: TypeAlias = tuple[Reply, World]


def mark_of(content: bytes) -> str:
    """Return a short name of some content."""
    return hashlib.sha256(content).hexdigest()[:8]


@dataclass(frozen=True)
class Put:
    """PutObject, with the content's mark as metadata."""

    key: str
    content: bytes = field(repr=False)
    forbid: bool = False
    tag: str = ""

    def apply(self, world: World) -> Result:
        if self.forbid and world.must_stay(self.key):
            return Reply("FileAlreadyExists"), world
        item = Stored(self.content, mark=mark_of(self.content), tag=self.tag)
        return Reply(OK), world.with_object(self.key, item)


@dataclass(frozen=True)
class Append:
    """AppendObject."""

    key: str
    position: int
    content: bytes = field(repr=False)

    def apply(self, world: World) -> Result:
        before = world.objects.get(self.key)
        if before and before.kind != "Appendable":
            return Reply("ObjectNotAppendable"), world
        if self.position != (len(before.content) if before else 0):
            return Reply("PositionNotEqualToLength"), world
        if before:  # which grows, and stays the version that it is
            return Reply(OK), world.with_version(self.key, 0, replace(before, content=before.content + self.content))
        return Reply(OK), world.with_object(self.key, Stored(self.content, "Appendable", mark_of(self.content)))


@dataclass(frozen=True)
class Delete:
    """DeleteObject, or the deletion of a version or marker for good."""

    key: str
    version: int | None = None  # its place in the key's history

    def apply(self, world: World) -> Result:
        if self.version is None:
            return Reply(OK), world.without_object(self.key)
        return Reply(OK), world.with_version(self.key, self.version, None)


@dataclass(frozen=True)
class Forget:
    """The deletion for good of the version that holds some content, wherever in its key's history that is by now."""

    key: str
    content: bytes = field(repr=False)

    def apply(self, world: World) -> Result:
        for place, item in enumerate(world.histories.get(self.key, ())):
            if isinstance(item, Stored) and item.content == self.content:
                return Reply(OK), world.with_version(self.key, place, None)
        return Reply(OK), world


@dataclass(frozen=True)
class Get:
    """GetObject."""

    key: str
    version: int | None = None  # its place in the key's history

    def apply(self, world: World) -> Result:
        if self.version is None:
            item = world.objects.get(self.key)
            return (Reply(OK, item.content) if item else Reply("NoSuchKey")), world
        version = world.histories[self.key][self.version]
        return (Reply(OK, version.content) if isinstance(version, Stored) else Reply("MethodNotAllowed")), world


@dataclass(frozen=True)
class Copy:
    """CopyObject: content, metadata and tags come along, the ACL does not.

    Onto itself, the request's metadata replace the object's, whatever the request says (OSS, CopyObject), and its bytes stay where
    they are, unless the copy is a version.
    """

    source: str
    key: str

    def apply(self, world: World) -> Result:
        item = world.objects.get(self.source)
        if item is None:
            return Reply("NoSuchKey"), world
        onto_itself = self.source == self.key
        copied = replace(item, acl="default", mark="" if onto_itself else item.mark)
        if onto_itself and not world.settings.get("versioning"):
            return Reply(OK), world.with_version(self.key, 0, copied)
        return Reply(OK), world.with_object(self.key, replace(copied, kind="Normal"))


@dataclass(frozen=True)
class _OfObject(ABC):
    """A change of an object that must be there."""

    key: str

    def apply(self, world: World) -> Result:
        item = world.objects.get(self.key)
        if item is None:
            return Reply("NoSuchKey"), world
        return Reply(OK), world.with_version(self.key, 0, self.changed(item))

    @abstractmethod
    def changed(self, item: Stored) -> Stored:
        """Return the object afterwards."""


@dataclass(frozen=True)
class SetAcl(_OfObject):
    """PutObjectAcl."""

    acl: str

    def changed(self, item: Stored) -> Stored:
        return replace(item, acl=self.acl)


@dataclass(frozen=True)
class SetTag(_OfObject):
    """PutObjectTagging, or DeleteObjectTagging for an empty tag."""

    tag: str

    def changed(self, item: Stored) -> Stored:
        return replace(item, tag=self.tag)


@dataclass(frozen=True)
class Begin:
    """InitiateMultipartUpload."""

    upload: str
    key: str
    mark: str

    def apply(self, world: World) -> Result:
        return Reply(OK), world.with_upload(self.upload, Upload(self.key, self.mark))


@dataclass(frozen=True)
class _OfUpload(ABC):
    """An operation on an upload that must be there."""

    upload: str
    key: str

    def apply(self, world: World) -> Result:
        found = world.uploads.get(self.upload)
        return (Reply("NoSuchUpload"), world) if found is None else self.on(found, world)

    @abstractmethod
    def on(self, found: Upload, world: World) -> Result:
        """Return the answer and the bucket afterwards."""


@dataclass(frozen=True)
class PutPart(_OfUpload):
    """UploadPart."""

    number: int
    content: bytes = field(repr=False)

    def on(self, found: Upload, world: World) -> Result:
        parts = dict(sorted({**found.parts, self.number: self.content}.items()))
        return Reply(OK), world.with_upload(self.upload, replace(found, parts=parts))


@dataclass(frozen=True)
class Complete(_OfUpload):
    """CompleteMultipartUpload with the parts that it names by their entity tags, or with all that are there."""

    forbid: bool = False
    named: tuple[bytes, ...] | None = field(default=None, repr=False)  # contents of the parts from 1 on

    def on(self, found: Upload, world: World) -> Result:
        if self.named is not None and self.named != tuple(found.parts.values()):
            return Reply("InvalidPart"), world
        if self.forbid and world.must_stay(self.key):
            return Reply("FileAlreadyExists"), world
        item = Stored(b"".join(found.parts.values()), "Multipart", found.mark)
        return Reply(OK), world.with_upload(self.upload, None).with_object(self.key, item)


@dataclass(frozen=True)
class Abort(_OfUpload):
    """AbortMultipartUpload."""

    def on(self, found: Upload, world: World) -> Result:
        return Reply(OK), world.with_upload(self.upload, None)


@dataclass(frozen=True)
class SetSetting:
    """PutBucketVersioning, -Lifecycle, -Tags, -Encryption, -Acl; DeleteBucket… for an empty mark."""

    name: str
    mark: str

    def apply(self, world: World) -> Result:
        return Reply(OK), replace(world, settings=_changed(world.settings, self.name, self.mark or None))


Operation: TypeAlias = (
    Put | Append | Delete | Forget | Get | Copy | SetAcl | SetTag | Begin | PutPart | Complete | Abort | SetSetting
)


def outcomes(world: World, operations: Sequence[Operation]) -> Iterator[tuple[list[Reply], World]]:
    """Yield the answers and the bucket of every serial order; answers in the order of the operations as given."""
    for order in itertools.permutations(range(len(operations))):
        replies: dict[int, Reply] = {}
        after = world
        for number in order:
            replies[number], after = operations[number].apply(after)
        yield [replies[number] for number in range(len(operations))], after
