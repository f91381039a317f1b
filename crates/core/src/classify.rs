//! What AWS's error codes mean for us: one table for every service that Lamplighter calls.
//!
//! The sources are the error lists of the EC2 developer guide and of the service models. No code
//! asks for different answers in two of the services, so the table has no column for the service.
//!
//! Some codes cannot be judged alone. `Invalid….NotFound` of EC2 may be a resource so new that
//! it is not visible yet, so it is transient, and the bound on attempts ends the waiting for one
//! that is gone. An adapter that knows better, such as a deletion that wants the thing gone or a
//! creation that finds its own name taken, turns the code into its own answer before it asks here.

use std::time::Duration;

use crate::FaultKind;

const ALLOW: &str = "allow the action to the role in that account, in its policies and those of \
                     the resource, key and organization; `lamplighter policy` prints what it needs";
const CREDENTIALS: &str = "check the credentials, and that the region is enabled in the account: \
                           tokens of the global STS endpoint do not work in opt-in regions";
const KEY: &str = "check that the KMS key is enabled, and that its policy lets the role use it";
const QUOTA: &str = "free some of the quota, or have it raised in Service Quotas";
const REGION: &str = "enable the region in the account, or leave it out of the configuration";

/// Sorted by code, in the order of bytes.
static TABLE: [Known; 155] = [
    config("AWS.SimpleQueueService.NonExistentQueue").cure("create the queue, or correct its URL"),
    config("AWSOrganizationsNotInUseException")
        .cure("name the accounts, or use an account of an organization"),
    permission("AccessDenied").cure(ALLOW),
    permission("AccessDeniedException").cure(ALLOW),
    permission("AuthFailure").cure(CREDENTIALS),
    permission("AuthorizationNotFound").cure(ALLOW),
    transient("BackupInUseException"),
    permanent("BackupNotFoundException"),
    throttled("BandwidthLimitExceeded"),
    permission("Blocked").cure("AWS has not cleared the account: contact AWS Support"),
    throttled("ConcurrentCreateImageNoRebootLimitExceeded"),
    throttled("ConcurrentSnapshotLimitExceeded")
        .cure("delete snapshots of the volume in state `error`: they count as pending"),
    transient("ConcurrentTagAccess"),
    transient("ConcurrentUpdateException"),
    permanent("ConditionalCheckFailedException"),
    transient("ContinuousBackupsUnavailableException"),
    permission("CustomerKeyHasBeenRevoked").cure(KEY),
    permanent("DBClusterNotFoundFault"),
    permanent("DBClusterSnapshotAlreadyExistsFault"),
    permanent("DBClusterSnapshotNotFoundFault"),
    permanent("DBInstanceNotFound"),
    permanent("DBSnapshotAlreadyExists"),
    permanent("DBSnapshotNotFound"),
    permanent("DBSubnetGroupDoesNotCoverEnoughAZs")
        .cure("repair the subnet group or the VPC of the database"),
    transient("DependencyTimeoutException"),
    permission("DisabledException").cure(KEY),
    too_fast("EC2ThrottledException"),
    transient("ExpiredToken"),
    transient("ExpiredTokenException"),
    permanent("FilterLimitExceeded"),
    permanent("IdempotentParameterMismatch"),
    permanent("IdempotentParameterMismatchException"),
    permission("IncompleteSignature").cure("check the credentials and the clock of this host"),
    transient("IncorrectInstanceState"),
    transient("IncorrectModificationState"),
    transient("IncorrectState"),
    permanent("InstanceLimitExceeded").cure(QUOTA),
    transient("InsufficientCapacityOnHost"),
    transient("InsufficientDBInstanceCapacity")
        .cure("try later, or use another instance type or zone"),
    transient("InsufficientHostCapacity"),
    transient("InsufficientInstanceCapacity")
        .cure("try later, or use another instance type or zone"),
    transient("InsufficientVolumeCapacity"),
    transient("InternalError"),
    transient("InternalFailure"),
    transient("InternalServerError"),
    transient("InternalServiceException"),
    transient("InvalidAMIID.NotFound"),
    permanent("InvalidAMIName.Duplicate"),
    config("InvalidArnException"),
    permission("InvalidClientTokenId").cure(CREDENTIALS),
    transient("InvalidDBClusterSnapshotStateFault"),
    transient("InvalidDBClusterStateFault"),
    transient("InvalidDBInstanceState"),
    transient("InvalidDBSnapshotState"),
    config("InvalidDocument"),
    config("InvalidDocumentVersion"),
    permanent("InvalidID"),
    config("InvalidInputException"),
    config("InvalidInstanceAttributeValue"),
    transient("InvalidInstanceID.NotFound"),
    permanent("InvalidInstanceId")
        .cure("check that the SSM agent of the instance runs and is registered"),
    transient("InvalidInstanceState"),
    permanent("InvalidMessageContents"),
    transient("InvalidNextToken"),
    transient("InvalidNextTokenException"),
    transient("InvalidPaginationToken"),
    config("InvalidParameter"),
    config("InvalidParameterCombination"),
    config("InvalidParameterException"),
    config("InvalidParameterValue"),
    config("InvalidParameters"),
    config("InvalidRegion")
        .cure("check the region's name, and that it is in the partition of the account"),
    permanent("InvalidSnapshot.InUse").cure("deregister the image that uses the snapshot first"),
    transient("InvalidSnapshot.NotFound"),
    permanent("InvalidSnapshotID.Malformed"),
    transient("InvalidState"),
    config("InvalidTagKey.Malformed"),
    permanent("InvalidVPCNetworkStateFault")
        .cure("repair the subnet group or the VPC of the database"),
    transient("InvalidVolume.NotFound"),
    transient("InvalidVolumeModification.NotFound"),
    transient("InvocationDoesNotExist"),
    transient("KMSInternalException"),
    permission("KMSInvalidStateException").cure(KEY),
    permission("KMSKeyNotAccessibleFault").cure(KEY),
    permission("KmsAccessDenied").cure(KEY),
    permission("KmsDisabled").cure(KEY),
    config("KmsInvalidKeyUsage"),
    permission("KmsInvalidState").cure(KEY),
    permission("KmsNotFound").cure(KEY),
    permission("KmsOptInRequired").cure(REGION),
    throttled("KmsThrottled"),
    throttled("LimitExceededException"),
    config("MalformedPolicyDocument"),
    permanent("MaxIOPSLimitExceeded").cure(QUOTA),
    permission("MissingAuthenticationToken")
        .cure("check the credentials and the clock of this host"),
    config("MissingParameter"),
    permanent("NotFoundException"),
    permanent("OperationNotPermitted").cure("take off the termination or stop protection"),
    permission("OptInRequired")
        .cure("enable the region, or subscribe the account to the service or product"),
    throttled("OverLimit"),
    config("PackedPolicyTooLarge").cure("pass fewer or shorter session tags and policies"),
    transient("PaginationTokenExpiredException"),
    throttled("PendingSnapshotLimitExceeded"),
    permission("PendingVerification").cure("AWS has not cleared the account: contact AWS Support"),
    too_fast("PriorRequestNotComplete"),
    throttled("ProvisionedThroughputExceededException"),
    config("QueueDoesNotExist").cure("create the queue, or correct its URL"),
    permission("RegionDisabledException").cure(REGION),
    transient("ReplicatedWriteConflictException"),
    transient("RequestExpired"),
    too_fast("RequestLimitExceeded"),
    too_fast("RequestThrottled"),
    too_fast("RequestThrottledException"),
    transient("RequestTimeout"),
    transient("RequestTimeoutException"),
    transient("ResourceInUseException"),
    throttled("ResourceLimitExceeded"),
    permanent("ResourceNotFoundException"),
    transient("ServerInternal"),
    transient("ServiceException"),
    transient("ServiceUnavailable"),
    transient("ServiceUnavailableException"),
    permanent("SharedSnapshotQuotaExceeded")
        .cure("withdraw the snapshot from accounts that no longer need it"),
    permission("SignatureDoesNotMatch").cure("check the credentials and the clock of this host"),
    too_fast("SlowDown"),
    permanent("SnapshotCopyUnsupported.InterRegion"),
    throttled("SnapshotCreationPerVolumeRateExceeded").wait(Duration::from_secs(15)),
    permanent("SnapshotLimitExceeded").cure(QUOTA),
    permanent("SnapshotQuotaExceeded").cure(QUOTA),
    transient("TableInUseException"),
    permanent("TableNotFoundException"),
    permanent("TagLimitExceeded").cure("remove tags: a resource can have 50"),
    config("TagPolicyViolation").cure("use a tag value that the organization's tag policy allows"),
    too_fast("ThrottledException"),
    too_fast("Throttling"),
    too_fast("ThrottlingException"),
    too_fast("TooManyRequestsException"),
    transient("TransactionConflictException"),
    transient("TransactionInProgressException"),
    permission("UnauthorizedOperation").cure(ALLOW),
    transient("Unavailable"),
    config("UnknownParameter"),
    permission("UnrecognizedClientException").cure(CREDENTIALS),
    permanent("Unsupported"),
    permanent("UnsupportedHibernationConfiguration"),
    permanent("UnsupportedOperation"),
    permanent("UnsupportedPlatformType"),
    config("ValidationError"),
    config("ValidationException"),
    permanent("VcpuLimitExceeded").cure(QUOTA),
    permanent("VolumeIOPSLimit").cure(QUOTA),
    permanent("VolumeInUse"),
    permanent("VolumeLimitExceeded").cure(QUOTA),
    throttled("VolumeModificationRateExceeded"),
    permanent("VolumeModificationSizeLimitExceeded").cure(QUOTA),
];

/// What is known of one error code.
#[derive(Debug)]
struct Known {
    code: &'static str,
    kind: FaultKind,
    wait: Option<Duration>,
    cure: Option<&'static str>,
    /// Calls come too fast.
    too_fast: bool,
}

/// What to do about an AWS error.
///
/// A code that is not in the table is judged by the HTTP status: 403 is a missing permission, 429
/// throttling, 5xx transient, all else permanent. Without a code and a status there was no answer
/// at all, such as a time-out or a lost connection, which is transient.
pub fn classify(code: Option<&str>, http_status: Option<u16>) -> FaultKind {
    match (code.and_then(find), http_status) {
        (Some(known), _) => known.kind,
        (None, Some(403)) => FaultKind::Permission,
        (None, Some(429)) => FaultKind::Throttled,
        (None, Some(500..=599)) => FaultKind::Transient,
        (None, None) if code.is_none() => FaultKind::Transient,
        (None, _) => FaultKind::Permanent,
    }
}

/// The least time to wait before the next try, where AWS names one.
pub fn minimum_wait(code: &str) -> Option<Duration> {
    find(code)?.wait
}

/// What an operator can do about it: lower case, no period, to be put after the error.
pub fn cure(code: &str) -> Option<&'static str> {
    find(code)?.cure
}

/// Whether AWS refuses a call because calls come too fast, and not because too much is under way.
pub fn is_too_fast(code: &str) -> bool {
    find(code).is_some_and(|known| known.too_fast)
}

fn find(code: &str) -> Option<&'static Known> {
    let index = TABLE.binary_search_by(|known| known.code.cmp(code)).ok()?;
    Some(&TABLE[index])
}

impl Known {
    const fn new(code: &'static str, kind: FaultKind) -> Known {
        Known { code, kind, wait: None, cure: None, too_fast: false }
    }

    const fn wait(self, wait: Duration) -> Known {
        Known { wait: Some(wait), ..self }
    }

    const fn cure(self, cure: &'static str) -> Known {
        Known { cure: Some(cure), ..self }
    }
}

const fn throttled(code: &'static str) -> Known {
    Known::new(code, FaultKind::Throttled)
}

const fn too_fast(code: &'static str) -> Known {
    Known { too_fast: true, ..throttled(code) }
}

const fn transient(code: &'static str) -> Known {
    Known::new(code, FaultKind::Transient)
}

const fn permission(code: &'static str) -> Known {
    Known::new(code, FaultKind::Permission)
}

const fn config(code: &'static str) -> Known {
    Known::new(code, FaultKind::Config)
}

const fn permanent(code: &'static str) -> Known {
    Known::new(code, FaultKind::Permanent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_each_code_once() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} {}", pair[0].code, pair[1].code);
        }
    }

    #[track_caller]
    fn check(kind: FaultKind, codes: &str) {
        let codes: Vec<&str> = codes.split_whitespace().collect();
        let found: Vec<&str> =
            TABLE.iter().filter(|known| known.kind == kind).map(|known| known.code).collect();
        assert_eq!(found, codes);
        for code in codes {
            // A known code wins over whatever status it came with.
            assert_eq!(classify(Some(code), Some(503)), kind, "{code}");
            assert_eq!(classify(Some(code), Some(400)), kind, "{code}");
            assert_eq!(classify(Some(code), None), kind, "{code}");
        }
    }

    #[test]
    fn calls_that_come_too_fast_are_told_from_work_that_is_too_much() {
        let rates: Vec<&str> =
            TABLE.iter().map(|known| known.code).filter(|code| is_too_fast(code)).collect();
        let codes = "EC2ThrottledException PriorRequestNotComplete RequestLimitExceeded \
                     RequestThrottled RequestThrottledException SlowDown ThrottledException \
                     Throttling ThrottlingException TooManyRequestsException";
        assert_eq!(rates, codes.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn each_code_has_its_kind() {
        check(
            FaultKind::Throttled,
            "BandwidthLimitExceeded ConcurrentCreateImageNoRebootLimitExceeded \
             ConcurrentSnapshotLimitExceeded EC2ThrottledException KmsThrottled \
             LimitExceededException OverLimit PendingSnapshotLimitExceeded \
             PriorRequestNotComplete ProvisionedThroughputExceededException \
             RequestLimitExceeded RequestThrottled RequestThrottledException \
             ResourceLimitExceeded SlowDown SnapshotCreationPerVolumeRateExceeded \
             ThrottledException Throttling ThrottlingException \
             TooManyRequestsException VolumeModificationRateExceeded",
        );
        check(
            FaultKind::Transient,
            "BackupInUseException ConcurrentTagAccess ConcurrentUpdateException \
             ContinuousBackupsUnavailableException DependencyTimeoutException \
             ExpiredToken ExpiredTokenException IncorrectInstanceState \
             IncorrectModificationState IncorrectState InsufficientCapacityOnHost \
             InsufficientDBInstanceCapacity InsufficientHostCapacity \
             InsufficientInstanceCapacity InsufficientVolumeCapacity InternalError \
             InternalFailure InternalServerError InternalServiceException \
             InvalidAMIID.NotFound InvalidDBClusterSnapshotStateFault \
             InvalidDBClusterStateFault InvalidDBInstanceState \
             InvalidDBSnapshotState InvalidInstanceID.NotFound InvalidInstanceState \
             InvalidNextToken InvalidNextTokenException InvalidPaginationToken \
             InvalidSnapshot.NotFound InvalidState InvalidVolume.NotFound \
             InvalidVolumeModification.NotFound InvocationDoesNotExist \
             KMSInternalException PaginationTokenExpiredException \
             ReplicatedWriteConflictException RequestExpired RequestTimeout \
             RequestTimeoutException ResourceInUseException ServerInternal \
             ServiceException ServiceUnavailable ServiceUnavailableException \
             TableInUseException TransactionConflictException \
             TransactionInProgressException Unavailable",
        );
        check(
            FaultKind::Permission,
            "AccessDenied AccessDeniedException AuthFailure AuthorizationNotFound \
             Blocked CustomerKeyHasBeenRevoked DisabledException \
             IncompleteSignature InvalidClientTokenId KMSInvalidStateException \
             KMSKeyNotAccessibleFault KmsAccessDenied KmsDisabled KmsInvalidState \
             KmsNotFound KmsOptInRequired MissingAuthenticationToken OptInRequired \
             PendingVerification RegionDisabledException SignatureDoesNotMatch \
             UnauthorizedOperation UnrecognizedClientException",
        );
        check(
            FaultKind::Config,
            "AWS.SimpleQueueService.NonExistentQueue \
             AWSOrganizationsNotInUseException InvalidArnException InvalidDocument \
             InvalidDocumentVersion InvalidInputException \
             InvalidInstanceAttributeValue InvalidParameter \
             InvalidParameterCombination InvalidParameterException \
             InvalidParameterValue InvalidParameters InvalidRegion \
             InvalidTagKey.Malformed KmsInvalidKeyUsage MalformedPolicyDocument \
             MissingParameter PackedPolicyTooLarge QueueDoesNotExist \
             TagPolicyViolation UnknownParameter ValidationError \
             ValidationException",
        );
        check(
            FaultKind::Permanent,
            "BackupNotFoundException ConditionalCheckFailedException \
             DBClusterNotFoundFault DBClusterSnapshotAlreadyExistsFault \
             DBClusterSnapshotNotFoundFault DBInstanceNotFound \
             DBSnapshotAlreadyExists DBSnapshotNotFound \
             DBSubnetGroupDoesNotCoverEnoughAZs FilterLimitExceeded \
             IdempotentParameterMismatch IdempotentParameterMismatchException \
             InstanceLimitExceeded InvalidAMIName.Duplicate InvalidID \
             InvalidInstanceId InvalidMessageContents InvalidSnapshot.InUse \
             InvalidSnapshotID.Malformed InvalidVPCNetworkStateFault \
             MaxIOPSLimitExceeded NotFoundException OperationNotPermitted \
             ResourceNotFoundException SharedSnapshotQuotaExceeded \
             SnapshotCopyUnsupported.InterRegion SnapshotLimitExceeded \
             SnapshotQuotaExceeded TableNotFoundException TagLimitExceeded \
             Unsupported UnsupportedHibernationConfiguration UnsupportedOperation \
             UnsupportedPlatformType VcpuLimitExceeded VolumeIOPSLimit VolumeInUse \
             VolumeLimitExceeded VolumeModificationSizeLimitExceeded",
        );
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        for (code, status, kind) in [
            (Some("NewCode"), Some(500), FaultKind::Transient),
            (Some("NewCode"), Some(599), FaultKind::Transient),
            (Some("NewCode"), Some(429), FaultKind::Throttled),
            (Some("NewCode"), Some(403), FaultKind::Permission),
            (Some("NewCode"), Some(400), FaultKind::Permanent),
            (Some("NewCode"), None, FaultKind::Permanent),
            (Some("requestlimitexceeded"), Some(400), FaultKind::Permanent),
            (None, Some(502), FaultKind::Transient),
            (None, Some(404), FaultKind::Permanent),
            (None, None, FaultKind::Transient),
        ] {
            assert_eq!(classify(code, status), kind, "{code:?} {status:?}");
        }
    }

    #[test]
    fn waits_only_where_aws_names_a_time() {
        let waits: Vec<(&str, Duration)> = TABLE
            .iter()
            .filter_map(|known| Some((known.code, minimum_wait(known.code)?)))
            .collect();
        assert_eq!(waits, [("SnapshotCreationPerVolumeRateExceeded", Duration::from_secs(15))]);
        assert_eq!(minimum_wait("NewCode"), None);
    }

    #[test]
    fn a_missing_permission_has_a_cure() {
        for known in TABLE.iter().filter(|known| known.kind == FaultKind::Permission) {
            assert!(cure(known.code).is_some(), "{}", known.code);
        }
        assert_eq!(cure("SnapshotQuotaExceeded"), Some(QUOTA));
        assert_eq!(cure("RequestLimitExceeded"), None);
        assert_eq!(cure("NewCode"), None);
    }

    #[test]
    fn cures_are_short_and_can_follow_an_error() {
        for cure in TABLE.iter().filter_map(|known| known.cure) {
            assert!(cure.len() < 180 && !cure.ends_with('.'), "{cure}");
        }
    }
}
