"""Live channels of the embedded OSS, with oss2: all of them but the video, which nothing can push."""

from __future__ import annotations

import uuid

import oss2
import oss2.models
import pytest

from tests.support.cloud import Cloud


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    made = cloud.bucket("live-" + uuid.uuid4().hex[:12])
    made.create_bucket()
    return made


def channel(playlist: str = "list.m3u8") -> oss2.models.LiveChannelInfo:
    return oss2.models.LiveChannelInfo(target=oss2.models.LiveChannelInfoTarget(playlist_name=playlist))


def test_a_channel_is_made_told_switched_off_and_deleted(bucket: oss2.Bucket) -> None:
    made = bucket.create_live_channel("one", channel())
    assert made.play_url.endswith(f"{bucket.bucket_name}/one/list.m3u8")
    assert made.publish_url.startswith("rtmp://")
    told = bucket.get_live_channel("one")
    assert (told.status, told.target.type, told.target.playlist_name) == ("enabled", "HLS", "list.m3u8")
    assert bucket.get_live_channel_stat("one").status == "Idle"
    assert bucket.get_live_channel_history("one").records == []
    bucket.put_live_channel_status("one", "disabled")
    assert bucket.get_live_channel("one").status == "disabled"
    assert bucket.get_live_channel_stat("one").status == "Disabled"
    assert bucket.get_bucket_stat().live_channel_count == 1
    with pytest.raises(oss2.exceptions.InvalidArgument) as nothing:
        bucket.post_vod_playlist("one", "vod.m3u8", start_time=1, end_time=2)
    assert nothing.value.details["EC"] == "0044-00000308"
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        bucket.delete_bucket()
    bucket.delete_live_channel("one")
    with pytest.raises(oss2.exceptions.NoSuchLiveChannel):
        bucket.get_live_channel("one")
    bucket.delete_bucket()


def test_channels_are_listed_in_pages(bucket: oss2.Bucket) -> None:
    names = [f"a{number}" for number in range(5)] + ["b"]
    for name in names:
        bucket.create_live_channel(name, channel())
    first = bucket.list_live_channel(prefix="a", max_keys=3)
    assert ([each.name for each in first.channels], first.next_marker, first.is_truncated) == (names[:3], "a2", True)
    assert [each.name for each in oss2.LiveChannelIterator(bucket, max_keys=4)] == names


@pytest.mark.parametrize(
    ("playlist", "ec"),
    [
        ("playlist", "0044-00000018"),
        (".m3u8" * 30, "0044-00000017"),
        ("a", "0044-00000017"),
        ("my/list.m3u8", "0044-00000016"),
    ],
)
def test_wrong_names_of_playlists_are_refused(bucket: oss2.Bucket, playlist: str, ec: str) -> None:
    with pytest.raises(oss2.exceptions.InvalidArgument) as refused:
        bucket.create_live_channel("one", channel(playlist))
    assert refused.value.details["EC"] == ec


def test_the_name_of_a_channel_has_up_to_63_characters(bucket: oss2.Bucket) -> None:
    bucket.create_live_channel("x" * 63, channel())
    with pytest.raises(oss2.exceptions.InvalidArgument):
        bucket.create_live_channel("x" * 64, channel())


def test_the_name_of_a_playlist_as_another_sdk_writes_it_is_passed_over(bucket: oss2.Bucket) -> None:
    target = "<Target><Type>HLS</Type><PlayListName>other.m3u8</PlayListName></Target>"
    body = f"<LiveChannelConfiguration>{target}</LiveChannelConfiguration>"
    bucket._do("PUT", bucket.bucket_name, "one", params={"live": ""}, data=body)
    told = bucket.get_live_channel("one").target
    assert (told.playlist_name, told.frag_duration, told.frag_count) == ("playlist.m3u8", "5", "3")


def test_a_channel_of_another_type_is_refused(bucket: oss2.Bucket) -> None:
    body = "<LiveChannelConfiguration><Target><Type>RTMP</Type></Target></LiveChannelConfiguration>"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do("PUT", bucket.bucket_name, "other", params={"live": ""}, data=body)
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")


def test_snapshots_go_into_a_bucket_that_there_is(bucket: oss2.Bucket) -> None:
    def make(target: str) -> None:
        body = (
            "<LiveChannelConfiguration><Target><Type>HLS</Type></Target><Snapshot><RoleName>r</RoleName>"
            f"<DestBucket>{target}</DestBucket><NotifyTopic>t</NotifyTopic><Interval>5</Interval></Snapshot>"
            "</LiveChannelConfiguration>"
        )
        bucket._do("PUT", bucket.bucket_name, "one", params={"live": ""}, data=body)

    make(bucket.bucket_name)
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        make("none-" + bucket.bucket_name)
