"""Operations that OSS itself refuses where what they work on was never opened, in its words.

Intelligent Media Management's index of a bucket and the pipelines of an account are not made here, so that none of them is found.

Sources: OSS, GetMetaQueryStatus, DoMetaQueryAction, DoDataPipelineAction; what SDKs expect.
"""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError


async def change_meta_query(call: Call) -> web.StreamResponse:
    """OpenMetaQuery, CloseMetaQuery, DoMetaQuery, and DoMetaQueryAction, which has a parameter `action`."""
    if "action" in call.query:
        raise OssError("OperationNotSupported", "The operation is not supported for this resource", ec="0037-00000001")
    raise OssError("NotImplemented", f"not implemented: ?metaQuery&comp={call.query.get('comp', '')[:40]}")


async def get_meta_query(call: Call) -> web.StreamResponse:
    """GetMetaQueryStatus."""
    raise OssError("MetaQueryNotExist", "The specified meta query does not exist: none can be opened here.")


async def run_pipeline(call: Call) -> web.StreamResponse:
    """DoDataPipelineAction: the list is empty."""
    action = call.query.get("action", "")
    if action == "listDataPipelineConfigurations":
        return xml_response("ListDataPipelineConfigurationsResult", {"IsTruncated": False})
    if action == "putDataPipelineConfiguration" and call.query.keys() - {"action", "dataPipeline"}:
        raise OssError("NotImplemented", f"not implemented: ?dataPipeline&action={action}")
    raise OssError("NoSuchDataPipeline", "The specified resource dataPipeline is not found.")


async def put_stray_part(call: Call) -> web.StreamResponse:
    """UploadPart that names no upload (assumed of OSS): stored as an object, a part would look like the whole."""
    raise OssError("MissingArgument", "Missing Some Required Arguments.", {"ArgumentName": "uploadId"})
