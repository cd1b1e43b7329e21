"""The settings of buckets: the table of them, the forms of their documents, and what those that have an effect say of a request.

Everything here is pure: documents and requests in, decisions out.
"""

from localcloud.oss.settings.setting import Setting
from localcloud.oss.settings.table import SETTINGS, blocks_public_access

__all__ = ["SETTINGS", "Setting", "blocks_public_access"]
