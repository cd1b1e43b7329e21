"""ROS as a service of the embedded cloud."""

from __future__ import annotations

from localcloud.fc.operations.service import FcService
from localcloud.kernel.service import Context, Definition, Network, Service
from localcloud.oss.operations.service import OssService
from localcloud.ram import RamService
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.api.routes import create_app
from localcloud.ros.model import Owner
from localcloud.ros.operations.service import RosService
from localcloud.ros.operations.sources import Permit
from localcloud.ros.resources.datasources.registry import data_sources
from localcloud.ros.resources.registry import resource_types
from localcloud.ros.template.evaluation import Evaluator
from localcloud.sls.operations.service import SlsService


def create(context: Context) -> Service:
    """Make ROS.

    Raises:
        LocalCloudError: its state cannot be read.
    """
    folder, callbacks, oss = context.data / "ros", Callbacks(), context.domain(OssService)
    objects = oss.objects_of(context.account_id)
    ram, fc, sls = context.domain(RamService), context.domain(FcService), context.domain(SlsService)
    types = {
        **resource_types(buckets=oss.buckets, ram=ram, fc=fc, sls=sls, callbacks=callbacks, folder=folder),
        **data_sources(buckets=oss.buckets, ram=ram, fc=fc, sls=sls),
    }

    def read_object(bucket: str, key: str, region: str, size: int, permit: Permit) -> bytes:
        opened = objects.open(bucket, key, region=region, permit=lambda key, _acl: permit(key))
        with opened as (_, path), path.open("rb") as file:
            return file.read(size)

    ros = RosService(
        folder,
        types=types,
        owner=Owner(region=context.region, account_id=context.account_id),
        authorizer=context.authorizer,
        evaluate=Evaluator(),
        read_object=read_object,
        clock=context.clock,
    )

    async def resume(network: Network) -> None:
        callbacks.base = ros.signals.base = network.endpoints[SERVICE.name]
        ros.open()

    application = create_app(
        ros,
        authenticator=context.authenticator,
        authorizer=context.authorizer,
        callbacks=callbacks,
        serves=context.serves,
    )
    return Service(domain=ros, application=application, open=resume, stop=ros.close)


SERVICE = Definition(
    name="ros",
    title="ROS",
    hosts=("ros", "ros.{region}", "ros-vpc.{region}"),
    create=create,
    needs=("oss", "ram", "fc", "sls"),
)
