"""Scalar queries over the objects of a bucket (DoMetaQuery in the mode `basic`): their language, pages and aggregations. Pure.

That a query with aggregations lists no files is from Intelligent Media Management, SimpleQuery, which OSS asks. `match` finds its
value anywhere in a name, whatever its case; `not` holds where none of its conditions does; pages are ordered by name where `Sort`
is missing or its field is the same, and by a field from low to high only if `Order` says so (all assumed).

Sources: OSS, DoMetaQuery; "Supported fields and operators" (which operation goes with which field); the suites of OSS's SDKs for
Python (more than 100 results may be asked for) and PHP (quotation marks may be single).
"""

from localcloud.oss.metaquery.answers import aggregate, describe, find_page, to_beijing
from localcloud.oss.metaquery.query import Query, read_query

__all__ = ["Query", "aggregate", "describe", "find_page", "read_query", "to_beijing"]
