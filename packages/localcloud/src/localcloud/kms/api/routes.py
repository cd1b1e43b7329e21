"""The actions of the KMS API, each with the parameters that it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.actions import Route, actions_of_accounts
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.signatures import Authenticator
from localcloud.kms.api.aliases import AliasCalls
from localcloud.kms.api.cryptography import CryptographyCalls
from localcloud.kms.api.keys import SERVED, KeyCalls
from localcloud.kms.errors import KmsError
from localcloud.kms.operations.service import KmsService, KmsServices

VERSION = "2016-01-20"
_PAGE = ("PageNumber", "PageSize")
_DATA_KEY = ("KeyId", "KeySpec", "NumberOfBytes", "EncryptionContext")


def routes(kms: KmsService, authorizer: Authorizer, *, region: str, account_id: str) -> Mapping[str, Route]:
    """Return what runs for each action, and the parameters that it reads."""
    keys = KeyCalls(kms, authorizer, region=region, account_id=account_id)
    aliases = AliasCalls(kms, authorizer, region=region, account_id=account_id)
    cryptography = CryptographyCalls(kms, authorizer, region=region, account_id=account_id)
    return {
        "CreateKey": (keys.create, ("Description", *SERVED)),
        "DescribeKey": (keys.describe, ("KeyId",)),
        "ListKeys": (keys.list, _PAGE),
        "UpdateKeyDescription": (keys.update_description, ("KeyId", "Description")),
        "EnableKey": (keys.move, ("KeyId",)),
        "DisableKey": (keys.move, ("KeyId",)),
        "ScheduleKeyDeletion": (keys.schedule_deletion, ("KeyId", "PendingWindowInDays")),
        "CancelKeyDeletion": (keys.move, ("KeyId",)),
        "CreateAlias": (aliases.create, ("AliasName", "KeyId")),
        "UpdateAlias": (aliases.update, ("AliasName", "KeyId")),
        "DeleteAlias": (aliases.delete, ("AliasName",)),
        "ListAliases": (aliases.list, _PAGE),
        "ListAliasesByKeyId": (aliases.list_of_key, ("KeyId", *_PAGE)),
        "Encrypt": (cryptography.encrypt, ("KeyId", "Plaintext", "EncryptionContext")),
        "Decrypt": (cryptography.decrypt, ("CiphertextBlob", "EncryptionContext")),
        "GenerateDataKey": (cryptography.generate, _DATA_KEY),
        "GenerateDataKeyWithoutPlaintext": (cryptography.generate_sealed, _DATA_KEY),
    }


def create_app(
    kms: KmsServices,
    authenticator: Authenticator,
    *,
    authorizer: Authorizer,
    region: str,
    account_id: str,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves the KMS API, to each account for what is its own.

    Args:
        kms: the domain.
        authenticator: verifies signatures that all services share.
        authorizer: decides about policies.
        region: the region that the embedded cloud plays.
        account_id: the first account.
        serves: says whether a host name is KMS's.
    """

    def routes_of(account_id: str) -> Mapping[str, Route]:
        return routes(kms.of(account_id), authorizer, region=region, account_id=account_id)

    actions = actions_of_accounts(routes_of, account_id, KmsError)
    return rpc.create_app(version=VERSION, actions=actions, authenticator=authenticator, serves=serves)
