"""Where a server answers otherwise than AWS, and is known to.

What AWS does stands with the check, with its source; here stands what the server does instead.
`shows` is a part of the check's failure, so that an entry hides no other mistake. An entry whose
check passes is an error: it says so when the server has been mended.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What a server does instead."""

    instead: str
    shows: str
    # Why it may: for the simulator only, which is ours to mend.
    why: str = ""


ACCEPTED = "accepted instead of refused"


def accepts(instead: str = "accepts it") -> Known:
    return Known(instead, ACCEPTED)


SIMULATOR = {
    "sts.a_signature_is_verified": Known(
        "takes whoever names a key for its owner", ACCEPTED,
        "It listens on this machine only, and holds nothing worth a signature"),
}

MOTO = {
    "regions.regions_are_filtered": Known("ignores filters", "{"),
    "regions.a_region_that_does_not_exist_is_invalid": accepts(),
    "volumes.pages_are_as_long_as_was_asked_for": Known("ignores MaxResults", "7 instead of 5"),
    "volumes.a_page_has_at_least_five": accepts(),
    "volumes.a_token_that_was_not_given_is_invalid": accepts("takes any token"),
    "volumes.ids_and_pages_exclude_each_other": accepts(),
    "volumes.a_filter_that_there_is_not_is_invalid": accepts(),
    "volumes.a_dry_run_needs_no_volume": accepts("answers, DryRun or not"),
    "volumes.a_volume_is_made_of_a_snapshot": Known("is `available` at once", "('available'"),
    "volumes.a_token_makes_one_volume": Known("makes two", "instead of 'vol-"),
    "volumes.a_volume_grows": Known("is `completed` at once", "('completed'"),
    "volumes.a_volume_does_not_shrink": accepts(),
    "snapshots.a_new_snapshot_is_pending": Known("is `completed` at once", "('completed'"),
    "snapshots.snapshots_of_a_volume_are_fifteen_seconds_apart": accepts(),
    "snapshots.five_snapshots_of_a_volume_may_be_pending": accepts("has none that are pending"),
    "snapshots.a_resource_has_at_most_fifty_tags": Known("refuses, but makes it", "instead of []"),
    "snapshots.keys_of_aws_are_reserved": accepts(),
    "snapshots.snapshots_are_filtered": Known("has no wildcards in start-time", "start-time"),
    "snapshots.snapshots_are_listed_in_pages": Known("ignores MaxResults", "6 instead of 5"),
    "snapshots.a_locked_snapshot_is_not_deleted": Known("has no LockSnapshot", "500"),
    "snapshots.fast_restores_are_made_ready": Known("has no EnableFastSnapshotRestores", "500"),
    "snapshots.volumes_are_encrypted_by_default_when_told_to": Known(
        "makes volumes that are not encrypted", "False instead of True"),
    "snapshots.the_default_key_is_that_of_aws": Known("has no GetEbsDefaultKmsKeyId", "500"),
    "snapshots.public_access_is_blocked": Known(
        "has no GetSnapshotBlockPublicAccessState", "500"),
    "copies.a_copy_is_of_no_volume": Known("shows the volume of the source", "'vol-ffffffff'"),
    "copies.a_pending_snapshot_is_not_copied": accepts("has none that are pending"),
    "copies.twenty_copies_may_be_pending": accepts("has none that are pending"),
    "copies.a_key_without_encryption_is_refused": accepts(),
    "copies.a_copy_with_a_bad_key_fails_later": Known("does not look at the key", "'completed'"),
    "copies.a_copy_with_a_disabled_key_fails_later": Known(
        "cannot disable a key by its ARN", "DisableKey"),
    "copies.sharing_is_listed": Known(
        "ignores CreateVolumePermission.Remove", "instead of ['222233334444']"),
    "copies.a_shared_snapshot_is_seen": Known("shows it to nobody", "InvalidSnapshot.NotFound"),
    "copies.a_shared_snapshot_is_copied_by_the_other_account": Known(
        "copies nothing of other accounts", "InvalidSnapshot.NotFound"),
    "copies.a_snapshot_under_an_aws_key_is_not_shared": accepts(),
    "copies.a_copy_under_anothers_key_needs_its_leave": Known(
        "copies nothing of other accounts", "InvalidSnapshot.NotFound"),
    "instances.instances_are_filtered": Known(
        "fails on a filter by instance-state-code", "500"),
    "instances.a_stopping_instance_does_not_start": accepts(),
    "instances.a_terminated_instance_does_not_start": accepts(),
    "instances.the_type_of_a_running_instance_does_not_change": accepts(),
    "instances.a_type_that_does_not_exist_is_refused": accepts(),
    "instances.all_volumes_of_an_instance_are_snapshotted_at_once": Known(
        "leaves State out, and ignores CopyTagsFromSource", "State"),
    "images.an_image_becomes_available": Known(
        "is `available` at once", "'available' instead of 'pending'"),
    "images.snapshots_of_an_image_are_tagged": Known("tags images only", "500"),
    "images.names_of_images_are_unique": accepts(),
    "images.deregistering_keeps_snapshots": Known(
        "ignores DeleteAssociatedSnapshots", "DeleteSnapshotResults"),
    "images.an_image_is_copied_to_another_region": Known(
        "ignores CopyImageTags", "[('available', {}), ('available', {})]"),
    "images.a_shared_image_is_seen": Known("shows it to nobody", "InvalidAMIID.NotFound"),
    "images.a_disabled_image_is_hidden": Known("shows it always", "['available', 'disabled']"),
    "images.an_image_is_deprecated": Known("has no EnableImageDeprecation", "500"),
    "images.a_protected_image_is_not_deregistered": Known(
        "has no EnableImageDeregistrationProtection", "500"),
    "scaling.a_dimension_needs_its_resource": accepts(),
    "kms.a_key_is_shown_with_what_it_is": Known("leaves KeyUsage out", "KeyUsage"),
    "kms.anothers_key_is_denied": Known("says NotFoundException", "NotFoundException"),
    "kms.keys_of_aws_have_aliases": Known("takes it for the customer's", "'CUSTOMER'"),
    "rds.pages_have_at_least_twenty": accepts(),
    "rds.a_snapshot_becomes_available": Known("is `available` at once", "'available', 'manual'"),
    "rds.one_snapshot_is_taken_at_a_time": Known(
        "stays `available`", "'available' instead of 'backing-up'"),
    "rds.a_stopped_database_has_no_snapshots_taken": accepts(),
    "rds.stopping_takes_time": Known("is `stopped` at once", "'stopped' instead of 'stopping'"),
    "rds.a_snapshot_is_copied_to_another_region": Known(
        "does not say what it is a copy of", "(None, None)"),
    "rds.a_shared_snapshot_is_copied_by_the_other_account": Known(
        "copies nothing of other accounts", "DBSnapshotNotFound"),
    "rds.a_database_is_deleted": accepts(),
    "rds.a_database_is_rebooted": accepts("reboots what is stopped"),
    "rds.a_cluster_is_deleted": accepts(),
    "rds.quotas_are_shown_with_what_is_used": Known("has no DescribeAccountAttributes", "500"),
    "rds.option_groups_are_found_by_their_names": Known(
        "names default groups that it does not have", "OptionGroupNotFoundFault"),
    "rds.events_are_shown_for_two_weeks": Known("shows other events", "DB instance stopped"),
    "ssm.a_command_does_not_show_at_once": accepts("has ended at once"),
    "ssm.an_unknown_command_does_not_exist": Known(
        "is `InvalidCommandId`", "InvalidCommandId"),
    "ssm.an_instance_that_is_not_managed_is_refused": accepts(),
    "ssm.an_unknown_document_is_refused": accepts(),
    "ssm.an_unknown_parameter_is_refused": accepts(),
    "ssm.of_several_steps_one_is_asked_for": accepts("answers with one of its own"),
    "ssm.managed_instances_are_listed": Known("has no DescribeInstanceInformation", "500"),
}

MINISTACK = {
    "sts.a_session_lasts_as_long_as_asked_for": accepts("accepts any time"),
    "sts.a_chained_session_lasts_an_hour": accepts("accepts any time"),
    "sts.a_session_name_has_two_characters": accepts(),
    "kms.a_key_is_shown_with_what_it_is": Known("leaves AWSAccountId out", "AWSAccountId"),
    "kms.anothers_key_is_denied": Known("says NotFoundException", "NotFoundException"),
    "kms.keys_of_aws_have_aliases": Known("has none", "None instead of"),
    "dynamodb.a_table_becomes_active": Known(
        "is `ACTIVE` at once", "'ACTIVE' instead of 'CREATING'"),
    "dynamodb.capacity_changes_while_the_table_is_updating": Known(
        "is `ACTIVE` at once", "'ACTIVE' instead of 'UPDATING'"),
    "dynamodb.a_table_that_is_updating_is_in_use": accepts("has none that are updating"),
    "dynamodb.capacity_goes_down_four_times": Known(
        "does not count decreases", "NumberOfDecreasesToday"),
    "dynamodb.a_table_becomes_on_demand_four_times_a_day": accepts(),
    "dynamodb.items_expire_by_an_attribute": accepts("accepts it again"),
    "sqs.a_message_that_is_delayed_comes_later": accepts("accepts more than 15 minutes"),
    "sqs.a_message_is_hidden_for_twelve_hours_at_most": accepts("accepts more"),
    "events.leave_is_given_and_taken_back": accepts("removes what is not there"),
    "events.a_rule_without_targets_is_deleted": accepts("deletes it with its targets"),
    "events.a_detail_is_json": Known("accepts it", "(0, None)"),
}

DIFFERENCES = {
    (server, check): known
    for server, all_known in
    (("simulator", SIMULATOR), ("moto", MOTO), ("ministack", MINISTACK))
    for check, known in all_known.items()
}
