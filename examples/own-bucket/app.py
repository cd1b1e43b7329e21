"""A function beside a bucket of one's own, which holds its data and its archives; its role may also list that bucket."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack
from ros_cdk_core import RosOutput, RosPseudo
from ros_cdk_oss import Bucket, BucketProps

with HeavyApp() as app:
    stack = HeavyStack(app)
    name = f"{stack.stack_name}-notes-{RosPseudo.tenant_id}"
    bucket = Bucket(stack, "Notes", BucketProps(bucket_name=name, access_control="private", deletion_force=True))
    function = HeavyFunction(
        stack,
        "Index",
        requirements="requirements.txt",
        bucket=bucket,
        read_prefixes=["notes/"],
        write_prefixes=["index.html"],
        memory=512,
        cpu=0.5,
        disk=512,
    )
    function.grant("oss:ListObjects", f"acs:oss:*:*:{name}")
    function.add_environment("TITLE", "Notes")
    function.on_object_created("notes/")
    RosOutput(stack, "BucketName", value=bucket.attr_name)
