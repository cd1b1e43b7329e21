"""The regions of the cloud: OSS and STS of the embedded one are in all of them, its other services in one.

Source: OSS, "Regions and endpoints". ap-south-1 and ap-southeast-2 were closed in 2024; OSS's SDKs still have them in their suites.
"""

from __future__ import annotations

REGIONS = (
    "cn-hangzhou",
    "cn-shanghai",
    "cn-nanjing",
    "cn-fuzhou",
    "cn-wuhan-lr",
    "cn-qingdao",
    "cn-beijing",
    "cn-zhangjiakou",
    "cn-huhehaote",
    "cn-wulanchabu",
    "cn-shenzhen",
    "cn-heyuan",
    "cn-guangzhou",
    "cn-chengdu",
    "cn-zhongwei",
    "cn-hongkong",
    "us-west-1",
    "us-east-1",
    "na-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "eu-central-1",
    "eu-west-1",
    "me-east-1",
    "me-central-1",
)
