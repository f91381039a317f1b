//! Names of snapshots, made of the job: the same name each time a step is taken, and no other
//! job's.

use jiff::Timestamp;
use lamplighter_core::{JobId, cloud::rds::Kind};
use sha2::{Digest, Sha256};

/// Characters of the hash of a job's id.
const HASH: usize = 10;

/// The most characters that AWS takes.
/// Source: RDS API Reference, `CreateDBSnapshot` and `CreateDBClusterSnapshot`.
fn longest(kind: Kind) -> usize {
    match kind {
        Kind::Instance => 255,
        Kind::Cluster => 63,
    }
}

/// The name of a snapshot of a database: `orders-20260302-020000-4f6c2a91b3`, of letters, digits
/// and single hyphens, the first a letter and the last no hyphen, in lower case. A long name of a
/// database is cut.
pub(crate) fn snapshot(kind: Kind, database: &str, job: &JobId, occurrence: Timestamp) -> String {
    let time = occurrence.strftime("%Y%m%d-%H%M%S");
    let digest = Sha256::digest(job.as_str());
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let end = format!("-{time}-{}", &hash[..HASH]);
    // The names of databases are well-formed in the same way.
    let room = longest(kind) - end.len();
    let mut name: String = database.to_ascii_lowercase().chars().take(room).collect();
    name.truncate(name.trim_end_matches('-').len());
    name + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: Kind, database: &str, job: &str) -> String {
        let job = format!("nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/{job}");
        let at = "2026-03-02T02:00:00Z".parse().unwrap();
        snapshot(kind, database, &job.parse().unwrap(), at)
    }

    #[test]
    fn a_name_never_changes() {
        assert_eq!(name(Kind::Instance, "Orders", "orders"), "orders-20260302-020000-e86ee75c0c");
        assert_ne!(name(Kind::Instance, "a", "b"), name(Kind::Instance, "a", "c"));
    }

    #[test]
    fn names_are_well_formed_and_never_too_long() {
        let long = "a".repeat(36) + "-" + &"b".repeat(26);
        for (kind, longest) in [(Kind::Instance, 255), (Kind::Cluster, 63)] {
            for database in ["a", "a-b", &long, &long[..36], &long[..37], &"x-".repeat(31)] {
                let name = name(kind, database, "x");
                assert!(name.len() <= longest, "{name}");
                assert!(!name.contains("--") && !name.ends_with('-'), "{name}");
                assert!(name.starts_with(|it: char| it.is_ascii_lowercase()), "{name}");
                let good = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
                assert!(name.chars().all(good), "{name}");
            }
        }
        assert!(name(Kind::Instance, &long, "x").starts_with(&long));
    }
}
