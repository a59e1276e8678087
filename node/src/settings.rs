//! The protocol's settings by name, from `tidings-core`, and those of the [chatter](Chatter), which is
//! of the program and of scenarios alone.

use std::time::Duration;

use tidings_core::{Config, Role};

use crate::chatter::Chatter;

#[doc(inline)]
pub use tidings_core::settings::{
    Profile, SETTINGS, Setting, SettingError, format_duration, hint, nearest, parse_duration,
    setting,
};

/// Sets the setting called `name` from text. Bounds are checked later, by [`Config::check`]. Settings of
/// the [chatter](CHATTER) are read and change nothing: no library node chatters.
///
/// ```
/// use tidings_node::settings::set;
/// use tidings_node::Config;
///
/// let mut config = Config::modern();
/// set(&mut config, "probe_every", "500ms")?;
/// let error = set(&mut config, "max_pears", "4").expect_err("mistyped");
/// assert_eq!(error.to_string(), "there is no setting \"max_pears\"; did you mean `max_peers`?");
/// # Ok::<(), tidings_node::settings::SettingError>(())
/// ```
pub fn set(config: &mut Config, name: &str, value: &str) -> Result<(), SettingError> {
    set_chatter(&mut Chatter::NONE.clone(), name, value)
        .unwrap_or_else(|| tidings_core::settings::set(config, name, value))
}

/// Sets the setting of the chatter called `name` from text, within its bounds; `None` if there is none of
/// this name.
pub fn set_chatter(
    chatter: &mut Chatter,
    name: &str,
    value: &str,
) -> Option<Result<(), SettingError>> {
    let setting = CHATTER.iter().find(|setting| setting.name == name)?;
    Some(setting.set(chatter, value))
}

/// Settings of the program's and of scenarios' chatter.
pub const CHATTER: &[Setting<Chatter>] = &[
    Setting {
        name: "gossip_every",
        about: "time between two messages of the chatter",
        role: Some(Role::Peer),
        allowed: "10ms to 1h",
        read: |chatter| format_duration(chatter.every),
        write: |chatter, text| {
            let every = parse_duration(text)?;
            if !(Duration::from_millis(10)..=Duration::from_hours(1)).contains(&every) {
                return Err("allowed is 10ms to 1h".to_owned());
            }
            chatter.every = every;
            Ok(())
        },
    },
    Setting {
        name: "gossip_count",
        about: "messages of the chatter in all; 0 for none",
        role: Some(Role::Peer),
        allowed: "0 to 4294967295",
        read: |chatter| chatter.count.to_string(),
        write: |chatter, text| {
            let whole_number = |_not| format!("a whole number from 0 to {}", u32::MAX);
            chatter.count = text.parse().map_err(whole_number)?;
            Ok(())
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chatter_is_no_setting_of_a_node() {
        let mut config = Config::classic();
        set(&mut config, "gossip_count", "0").expect("it is read");
        assert_eq!(config, Config::classic());
        let error = set(&mut config, "gossip_count", "few").expect_err("no number").to_string();
        assert_eq!(error, "gossip_count = \"few\": a whole number from 0 to 4294967295");
    }
}
