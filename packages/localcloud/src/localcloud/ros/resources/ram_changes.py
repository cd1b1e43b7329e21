"""Changes of policies, attachments and tags in several steps: the rights that they need, and the steps, all of them or none.

What is done and what is asked for are told by the same calls, so that neither forgets what the other does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import ParamSpec, Self, TypeAlias

from localcloud.ram import RamService
from localcloud.ram.errors import RamError
from localcloud.ram.model import Kind, PolicyType
from localcloud.ros.resources.provider import Context, Right
from localcloud.ros.resources.rights import on_policy, on_principal

Attached: TypeAlias = tuple[PolicyType, str]  # type and name of a policy
_Parameters = ParamSpec("_Parameters")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A custom policy as a template describes it."""

    name: str
    description: str
    document: str  # JSON


class Changes(ABC):
    """Changes of custom policies, and of the attachments of roles, users and groups, done or only planned."""

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    @abstractmethod
    def attached(self, name: str, kind: Kind = "Role") -> set[Attached]:
        """Return the policies that are attached to a role, user or group."""

    @abstractmethod
    def create(self, policy: Policy) -> None:
        """Make a policy."""

    @abstractmethod
    def revise(self, policy: Policy) -> None:
        """Give a policy another document; the older ones go, so that no policy runs out of versions."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a policy if it is there."""

    @abstractmethod
    def attach(self, name: str, policy: Attached, kind: Kind = "Role") -> None:
        """Attach a policy to a role, user or group."""

    @abstractmethod
    def detach(self, name: str, policy: Attached, kind: Kind = "Role") -> None:
        """Detach a policy from a role, user or group if it is attached."""

    @abstractmethod
    def tag(self, role: str, tags: Mapping[str, str]) -> None:
        """Give tags to a role."""

    @abstractmethod
    def untag(self, role: str, keys: Collection[str]) -> None:
        """Take tags from a role."""

    def retag(self, role: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Make the tags that a role was given those that it is to have; others of its tags stay."""
        if gone := before.keys() - after.keys():
            self.untag(role, gone)
        if come := dict(after.items() - before.items()):
            self.tag(role, come)

    def redo(self, name: str, policy: Policy, kind: Kind = "Role") -> None:
        """Make somebody's own policy anew when its description changes, for RAM cannot change that; otherwise revise it."""
        if self._ram.get_policy(policy.name, "Custom").description == policy.description:
            self.revise(policy)
            return
        self.detach(name, ("Custom", policy.name), kind)
        self.delete(policy.name)
        self.create(policy)
        self.attach(name, ("Custom", policy.name), kind)

    def is_there(self, policy: Policy) -> bool:
        """Return whether a policy is there as it is described."""
        return any(
            (each.name, each.description, each.default.document) == (policy.name, policy.description, policy.document)
            for each in self._ram.policies()
        )


class Steps(Changes):
    """Changes in a `with` block: when one of them fails, those before it are taken back, the last first."""

    def __init__(self, ram: RamService) -> None:
        super().__init__(ram)
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._undo.pop_all()
        self._undo.close()

    def undo_with(
        self, function: Callable[_Parameters, object], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> None:
        """Note the call that takes back what was done last."""
        self._undo.callback(function, *args, **kwargs)

    def create(self, policy: Policy) -> None:
        """See `Changes`."""
        self._ram.create_policy(policy.name, document=policy.document, description=policy.description)
        self.undo_with(self._ram.delete_policy, policy.name)

    def attached(self, name: str, kind: Kind = "Role") -> set[Attached]:
        """See `Changes`."""
        return {(each.type, each.name) for each in self._ram.policies_of(name, kind=kind)}

    def revise(self, policy: Policy) -> None:
        """See `Changes`."""
        old = self._ram.get_policy(policy.name, "Custom")
        if old.default.document != policy.document:
            self._put_version(policy.name, policy.document)
            self.undo_with(self._put_version, policy.name, old.default.document)

    def _put_version(self, name: str, document: str) -> None:
        self._ram.create_policy_version(name, document=document, set_as_default=True, drop_oldest=True)
        self._drop_versions(name)

    def _drop_versions(self, name: str) -> None:
        policy = self._ram.get_policy(name, "Custom")
        for version in policy.versions:
            if version != policy.default:
                self._ram.delete_policy_version(name, version.version_id)

    def delete(self, name: str) -> None:
        """See `Changes`."""
        with absent_is_fine():
            policy = self._ram.get_policy(name, "Custom")
            if not self._ram.attachments_of(policy):  # otherwise RAM refuses, and the versions are to stay
                self._drop_versions(name)
            self._ram.delete_policy(name)
            self.undo_with(
                self._ram.create_policy, name, document=policy.default.document, description=policy.description
            )

    def attach(self, name: str, policy: Attached, kind: Kind = "Role") -> None:
        """See `Changes`."""
        self._ram.attach_policy(name, policy[1], policy[0], kind=kind)
        self.undo_with(self._ram.detach_policy, name, policy[1], policy[0], kind=kind)

    def detach(self, name: str, policy: Attached, kind: Kind = "Role") -> None:
        """See `Changes`."""
        with absent_is_fine():
            self._ram.detach_policy(name, policy[1], policy[0], kind=kind)
            self.undo_with(self._ram.attach_policy, name, policy[1], policy[0], kind=kind)

    def tag(self, role: str, tags: Mapping[str, str]) -> None:
        """See `Changes`."""
        self.undo_with(self._restore_tags, role, self._ram.get_role(role).tags)
        self._ram.tag("role", [role], tags)

    def untag(self, role: str, keys: Collection[str]) -> None:
        """See `Changes`."""
        self.undo_with(self._restore_tags, role, self._ram.get_role(role).tags)
        self._ram.untag("role", [role], keys)

    def _restore_tags(self, role: str, tags: Mapping[str, str]) -> None:
        self._ram.untag("role", [role], None)
        self._ram.tag("role", [role], tags)


class Plan(Changes):
    """The rights that changes need, which are not done."""

    def __init__(self, ram: RamService, context: Context) -> None:
        super().__init__(ram)
        self._context = context
        self.rights: list[Right] = []

    def attached(self, name: str, kind: Kind = "Role") -> set[Attached]:
        """See `Changes`; what is to be created has none."""
        try:
            return {(each.type, each.name) for each in self._ram.policies_of(name, kind=kind)}
        except RamError as error:
            if error.code == f"EntityNotExist.{kind}":
                return set()
            raise

    def create(self, policy: Policy) -> None:
        """See `Changes`."""
        self.rights.append(on_policy(self._context, "CreatePolicy", policy.name))

    def revise(self, policy: Policy) -> None:
        """See `Changes`."""
        actions = ("CreatePolicyVersion", "DeletePolicyVersion")
        self.rights += (on_policy(self._context, action, policy.name) for action in actions)

    def delete(self, name: str) -> None:
        """See `Changes`."""
        actions = ("DeletePolicyVersion", "DeletePolicy")
        self.rights += (on_policy(self._context, action, name) for action in actions)

    def attach(self, name: str, policy: Attached, kind: Kind = "Role") -> None:
        """See `Changes`."""
        self.rights.append(on_principal(self._context, f"AttachPolicyTo{kind}", kind, name))

    def detach(self, name: str, policy: Attached, kind: Kind = "Role") -> None:
        """See `Changes`."""
        self.rights.append(on_principal(self._context, f"DetachPolicyFrom{kind}", kind, name))

    def tag(self, role: str, tags: Mapping[str, str]) -> None:
        """See `Changes`."""
        self.rights.append(on_principal(self._context, "TagResources", "Role", role))

    def untag(self, role: str, keys: Collection[str]) -> None:
        """See `Changes`."""
        self.rights.append(on_principal(self._context, "UntagResources", "Role", role))


@contextmanager
def absent_is_fine() -> Iterator[None]:
    """Pass over an error that says that something is not there."""
    try:
        yield
    except RamError as error:
        if not error.code.startswith("EntityNotExist."):
            raise
