//! Requests of the query protocols, as forms.
