//! MD5, which SQS answers for each message so that callers can see whether it arrived whole.

use md5::{Digest, Md5};

/// The digest, in hexadecimal digits.
pub(crate) fn hex(text: &[u8]) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
