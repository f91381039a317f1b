"""DescribeVolumes."""

from aws import refused


def check_a_volume_that_does_not_exist_fails_the_call(aws):
    """DescribeVolumes by an id that does not exist is refused with InvalidVolume.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidVolume.NotFound", 400):
        aws.client("ec2").describe_volumes(VolumeIds=["vol-0123456789abcdef0"])


def check_a_page_has_at_least_five(aws):
    """MaxResults below 5 is refused with InvalidParameterValue.

    Source: EC2 API reference, DescribeVolumes, MaxResults
    """
    with refused("InvalidParameterValue", 400):
        aws.client("ec2").describe_volumes(MaxResults=4)


def check_a_token_that_was_not_given_is_invalid(aws):
    """A NextToken that was not handed out is refused with InvalidNextToken.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidNextToken", 400):
        aws.client("ec2").describe_volumes(MaxResults=5, NextToken="forged")


def check_ids_and_pages_exclude_each_other(aws):
    """MaxResults with explicit ids is refused with InvalidParameterCombination.

    Source: EC2 API reference, DescribeVolumes, MaxResults
    """
    with refused("InvalidParameterCombination", 400):
        aws.client("ec2").describe_volumes(VolumeIds=["vol-0123456789abcdef0"], MaxResults=5)


def check_a_filter_that_there_is_not_is_invalid(aws):
    """A filter with an unknown name is refused with InvalidParameterValue.

    Source: EC2 User Guide, "Filter your resources"
    """
    with refused("InvalidParameterValue", 400):
        aws.client("ec2").describe_volumes(Filters=[{"Name": "colour", "Values": ["red"]}])
