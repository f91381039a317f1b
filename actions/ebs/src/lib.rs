//! ebs
