"""The function behind the stack's bucket deployment: copies archives, removes old ones, and answers ROS in every case.

Runs on the python3.10 runtime with nothing but the standard library and the modules of the loader that lie beside it (see
heavylift/cdk/handler_package.py): the oss2 of that runtime cannot sign with V4. Each request is one of two resources, told
apart by their parameters:

- `sources`: Create and Update copy them into the bucket; Delete removes all that this stack copied;
- `keep`: Create and Update remove what earlier deployments of this stack left there; Delete does nothing.

Source of the request and of the answer: ROS, "Custom resources".
"""

from __future__ import annotations

import json
import os
import traceback
from typing import Any

import answer
import archives
from objectstore import ObjectStore

from heavylift.contracts.failures import LoadError
from heavylift.runtime.credentials import find_credentials

MARGIN = 60  # seconds before the platform's time limit at which the work is given up, so that ROS gets its answer


def handler(event: bytes, context: Any) -> None:  # noqa: ANN401 - the platform's
    """Serve a request of ROS, and answer it in every case."""
    request = json.loads(event)
    print(f"{request['RequestType']} {request['LogicalResourceId']}")  # noqa: T201 - the log; the URL in the event is secret
    try:
        _serve(request, context)
    except (LoadError, archives.RequestError) as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 - without an answer the stack would wait for hours
        traceback.print_exc()
        failure = f"the deployment's handler failed: {type(error).__name__}: {error}"
    else:
        failure = ""
    answer.send(request, failure)


def _serve(request: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - the platform's
    store = ObjectStore(
        endpoint=f"https://oss-{context.region}-internal.aliyuncs.com",
        region=context.region,
        credentials=find_credentials(context, os.environ, local=False),
        deadline=archives.time_limit(float(context.function.timeout) - MARGIN),
    )
    work = archives.read_request(request)
    if request["RequestType"] == "Delete":
        work.remove(store)
    else:
        work.apply(store)
