"""The operations on consumer groups. Source: SLS API reference, "Consumer group"; `logclient.py` of aliyun-log-python-sdk."""

from __future__ import annotations

from localcloud.kernel.paging import read_number
from localcloud.kernel.values import read_json
from localcloud.sls.api.calls import Answer, Call, only, read_element
from localcloud.sls.errors import SlsError
from localcloud.sls.model import ConsumerGroup

INVALID = "JsonInfoInvalid"
SHARDS = range(10**9)  # numbers of shards


def create_consumer_group(call: Call) -> Answer:
    """CreateConsumerGroup."""
    call.allow_on_logstore("CreateConsumerGroup", "/consumergroup/*")
    body = call.read_body()
    only(body, {"consumerGroup", "timeout", "order"}, INVALID)
    name, timeout = read_element(body, "consumerGroup", str, INVALID), read_element(body, "timeout", int, INVALID)
    if name is None or timeout is None:
        raise SlsError(INVALID, "consumerGroup or timeout is of error format")
    in_order = read_element(body, "order", bool, INVALID) or False
    call.sls.create_consumer_group(call.project, call.logstore, name, timeout=timeout, in_order=in_order)
    return None


def list_consumer_groups(call: Call) -> Answer:
    """ListConsumerGroup."""
    call.allow_on_logstore("ListConsumerGroup", "/consumergroup/*")
    return [_write(group) for group in call.sls.consumer_groups(call.project, call.logstore)]


def update_consumer_group(call: Call) -> Answer:
    """UpdateConsumerGroup."""
    call.allow_on_logstore("UpdateConsumerGroup", f"/consumergroup/{call.group}")
    body = call.read_body()
    only(body, {"timeout", "order"}, INVALID)
    call.sls.update_consumer_group(
        *_place(call),
        timeout=read_element(body, "timeout", int, INVALID),
        in_order=read_element(body, "order", bool, INVALID),
    )
    return None


def delete_consumer_group(call: Call) -> Answer:
    """DeleteConsumerGroup."""
    call.allow_on_logstore("DeleteConsumerGroup", f"/consumergroup/{call.group}")
    call.sls.delete_consumer_group(*_place(call))
    return None


def get_checkpoints(call: Call) -> Answer:
    """GetCheckPoint."""
    call.allow_on_logstore("GetConsumerGroupCheckPoint", f"/consumergroup/{call.group}")
    checkpoints = call.sls.checkpoints(*_place(call))
    if "shard" in call.query:
        try:
            wanted = read_number(call.query["shard"], default=0, allowed=SHARDS)
        except ValueError as error:
            raise SlsError("ParameterInvalid", f"shard: {error}") from error
        checkpoints = [each for each in checkpoints if each.shard == wanted]
        if not checkpoints:
            raise SlsError("ShardNotExist", "shard not exist", 404)
    return [
        {"shard": each.shard, "checkpoint": each.cursor, "updateTime": each.updated, "consumer": each.consumer}
        for each in checkpoints
    ]


def update_checkpoint(call: Call) -> Answer:
    """ConsumerGroupUpdateCheckPoint."""
    call.allow_on_logstore("ConsumerGroupUpdateCheckPoint", f"/consumergroup/{call.group}")
    body = call.read_body()
    only(body, {"shard", "checkpoint"}, INVALID)
    shard, cursor = read_element(body, "shard", int, INVALID), read_element(body, "checkpoint", str, INVALID)
    if shard is None or cursor is None:
        raise SlsError(INVALID, "the body has no shard or no checkpoint")
    force = call.query.get("forceSuccess", "").lower() == "true"
    call.sls.put_checkpoint(*_place(call), shard, cursor, consumer=call.query.get("consumer", ""), force=force)
    return None


def beat(call: Call) -> Answer:
    """ConsumerGroupHeartBeat."""
    call.allow_on_logstore("ConsumerGroupHeartBeat", f"/consumergroup/{call.group}")
    try:
        reads = read_json(call.body) if call.body else []
    except ValueError as error:
        raise SlsError("PostBodyInvalid", f"The request body is not valid JSON: {error}.") from error
    if not isinstance(reads, list) or not all(type(each) is int and each in SHARDS for each in reads):
        raise SlsError("PostBodyInvalid", "the body must be a list of the numbers of shards")
    return call.sls.beat(*_place(call), call.query.get("consumer", ""), reads)


def _place(call: Call) -> tuple[str, str, str]:
    return call.project, call.logstore, call.group


def _write(group: ConsumerGroup) -> dict[str, object]:
    return {"name": group.name, "timeout": group.timeout, "order": group.in_order}
