"""Put a picture into the function's bucket: `python put.py PICTURE BUCKET`, with key and region in the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import oss2

picture, name = Path(sys.argv[1]), sys.argv[2]
region = os.environ["ALIBABA_CLOUD_REGION_ID"]
auth = oss2.AuthV4(os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
bucket = oss2.Bucket(auth, f"https://oss-{region}.aliyuncs.com", name, region=region)
bucket.put_object_from_file(f"photos/{picture.name}", str(picture))
