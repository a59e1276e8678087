//! The table of members.
