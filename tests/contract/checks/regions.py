"""DescribeRegions."""

from aws import refused, same
from fleet import AWAY, HOME


def check_regions_that_are_enabled_are_listed(aws):
    """DescribeRegions lists the regions that the account may use, with their end points.

    Source: EC2 API reference, DescribeRegions
    """
    regions = aws.client("ec2").describe_regions()["Regions"]
    found = {it["RegionName"]: (it["Endpoint"], it["OptInStatus"]) for it in regions}
    for region in (HOME, AWAY):
        same(found.get(region), (f"ec2.{region}.amazonaws.com", "opt-in-not-required"), region)


def check_regions_are_filtered(aws):
    """DescribeRegions filters by name, with wildcards.

    Source: EC2 API reference, DescribeRegions
    """
    filters = [{"Name": "region-name", "Values": ["us-east-?"]}]
    regions = aws.client("ec2").describe_regions(Filters=filters)["Regions"]
    same({it["RegionName"] for it in regions} & {HOME, AWAY}, {AWAY})


def check_a_region_that_does_not_exist_is_invalid(aws):
    """DescribeRegions refuses a name that is no region with InvalidParameterValue.

    Source: EC2 API reference, DescribeRegions
    """
    with refused("InvalidParameterValue", 400):
        aws.client("ec2").describe_regions(RegionNames=["eu-nowhere-1"])


def check_a_dry_run_is_refused_when_it_would_succeed(aws):
    """DryRun answers DryRunOperation, HTTP 412, when the call would succeed.

    Source: EC2 API reference, DescribeRegions, DryRun
    """
    with refused("DryRunOperation", 412):
        aws.client("ec2").describe_regions(DryRun=True)
