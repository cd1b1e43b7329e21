"""Operations that OSS itself refuses where what they work on is not there, in its words.

Pipelines of an account are not made here, so that none of them is found.

Sources: OSS, DoDataPipelineAction; what SDKs expect.
"""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError


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


async def put_processed(call: Call) -> web.StreamResponse:
    """PutObject with `x-oss-process`, which works on objects that are there (the code is the SDK for C#'s)."""
    raise OssError(
        "InvalidArgument",
        "x-oss-process works on an object that is there: put it, then get or process it.",
        {"ArgumentName": "x-oss-process", "ArgumentValue": call.query["x-oss-process"][:100]},
    )
