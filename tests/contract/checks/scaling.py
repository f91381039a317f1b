"""Application Auto Scaling: what it sets of tables."""

from aws import refused, same


def check_where_nothing_is_registered_nothing_is_listed(aws):
    """DescribeScalableTargets lists what is registered, and nothing where nothing is.

    Source: Application Auto Scaling API reference, DescribeScalableTargets
    """
    scaling = aws.client("application-autoscaling")
    answer = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")
    same((answer["ScalableTargets"], answer.get("NextToken")), ([], None))


def check_a_dimension_needs_its_resource(aws):
    """A scalable dimension without the id of a resource is ValidationException.

    Source: Application Auto Scaling API reference, DescribeScalableTargets, ScalableDimension
    """
    with refused("ValidationException", 400):
        aws.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="dynamodb", ScalableDimension="dynamodb:table:ReadCapacityUnits")
