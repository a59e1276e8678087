//! How parts say what must be true of them.

use alloc::string::String;

/// What is not as it must be.
pub(crate) type Broken = Result<(), String>;

/// Fails with what was asserted.
pub(crate) fn holds(is_true: bool, what: &str) -> Broken {
    if is_true { Ok(()) } else { Err(String::from(what)) }
}
