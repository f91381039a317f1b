//! Answers of the query protocols, as XML.
