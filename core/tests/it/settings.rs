//! The table of settings: its bounds are those that are enforced, its text in the documentation is what
//! it says, and PROTOCOL.md speaks of no other settings.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use tidings_core::settings::{Profile, SETTINGS, Setting, format_duration, parse_duration, set};
use tidings_core::{Config, Role};

/// The value that a bound stands for: a value itself, another setting, or one less a number.
fn bound(config: &Config, text: &str) -> String {
    let (name, less) = text.split_once(" - ").unwrap_or((text, "0"));
    let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
        return text.to_owned();
    };
    let value = setting.value(config);
    match (value.parse::<u64>(), less.parse::<u64>()) {
        (Ok(value), Ok(less)) => value.saturating_sub(less).to_string(),
        _ => value,
    }
}

/// The value next to a bound, on its outer side; `None` where there is none.
fn beyond(value: &str, is_most: bool) -> Option<String> {
    if let Ok(number) = value.parse::<u64>() {
        let next = if is_most { Some(number + 1) } else { number.checked_sub(1) };
        return next.map(|next| next.to_string());
    }
    let duration = parse_duration(value).expect("a number or a duration");
    let step = Duration::from_millis(1);
    let next = if is_most { Some(duration + step) } else { duration.checked_sub(step) };
    next.map(format_duration)
}

/// Which setting a config is refused for that has this value.
fn refused_for(setting: &Setting, value: &str) -> Option<&'static str> {
    let mut config = Config::modern();
    set(&mut config, setting.name, value).expect("it is a value");
    config.check().err().map(|error| error.field)
}

/// How many of its bounds were tried.
fn try_bounds(setting: &Setting) -> usize {
    let mut tried = 0;
    if let Some((least, most)) =
        setting.allowed.split_once(" to ").filter(|_| !setting.allowed.starts_with("a name"))
    {
        for (text, is_most) in [(least, false), (most, true)] {
            let inside = bound(&Config::modern(), text);
            assert_ne!(refused_for(setting, &inside), Some(setting.name), "{}", setting.name);
            if let Some(outside) = beyond(&inside, is_most) {
                let field = refused_for(setting, &outside);
                assert_eq!(field, Some(setting.name), "{} = {outside}", setting.name);
                tried += 1;
            }
        }
    }
    tried
}

#[test]
fn the_bounds_of_the_table_are_those_that_are_enforced() {
    let tried: usize = SETTINGS.iter().map(try_bounds).sum();
    assert!(tried > 100, "only {tried} bounds were tried");
}

/// Words of the table are the words that are read, and the error lists them.
#[test]
fn the_words_of_the_table_are_those_that_are_read() {
    let mut count = 0;
    for setting in SETTINGS.iter().filter(|setting| setting.allowed.contains(", ")) {
        let mut config = Config::classic();
        for word in setting.allowed.split(", ") {
            set(&mut config, setting.name, word).expect(word);
        }
        let error = set(&mut config, setting.name, "nonsense").expect_err("no word").to_string();
        let words = format!("one of {}", setting.allowed);
        assert!(error.ends_with(&words), "{error}");
        count += 1;
    }
    assert_eq!(count, 7);
}

/// The table as it stands in the documentation.
fn written() -> String {
    let mut text = String::from(
        "| name | of | classic | modern | allowed | what it is |\n|---|---|---|---|---|---|\n",
    );
    let (classic, modern) = (Profile::Classic.config(), Profile::Modern.config());
    for setting in SETTINGS {
        let role = match setting.role {
            None => "both",
            Some(Role::Peer) => "peers",
            Some(Role::SeedNode) => "seed nodes",
        };
        let Setting { name, about, allowed, .. } = setting;
        let (classic, modern) = (setting.value(&classic), setting.value(&modern));
        writeln!(text, "| `{name}` | {role} | {classic} | {modern} | {allowed} | {about} |")
            .expect("a string takes it all");
    }
    text
}

#[test]
fn the_documentation_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/settings.md");
    let table = written();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &table).expect("the table written");
    }
    let documented = fs::read_to_string(&path).expect("the table");
    assert_eq!(documented, table, "the settings changed: UPDATE_EXPECT=1");
}

/// Names in the first column of the tables of settings, each in backquotes, that are no settings.
fn strangers(page: &str) -> Vec<String> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| setting |")).skip(2);
    let cells =
        rows.take_while(|line| line.starts_with('|')).filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_strange = |name: &&str| !SETTINGS.iter().any(|setting| setting.name == *name);
    names.filter(is_strange).map(str::to_owned).collect()
}

#[test]
fn every_setting_of_the_protocols_page_is_one() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("PROTOCOL.md");
    let page = fs::read_to_string(page).expect("the page");
    assert_eq!(strangers(&page), Vec::<String>::new());
    let planted = page.replace("| `active_view`, ", "| `active`, ");
    assert_eq!(strangers(&planted), ["active"], "a wrong name is found");
}
