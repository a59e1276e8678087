//! One word for one thing: identifiers keep to the glossary of ARCHITECTURE.md, whose last column has the
//! words that are gone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::project;

#[test]
fn identifiers_keep_to_the_glossary() {
    let gone = gone_words(&page());
    assert!(gone.len() > 40, "only {} words found: {gone:?}", gone.len());
    let mut offenders = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        for (line, identifier) in identifiers(&text) {
            if let Some((word, instead)) = gone.iter().find(|(word, _)| has(&identifier, word)) {
                let place = path.strip_prefix(project()).expect("below the project").display();
                offenders.push(format!("{place}:{line}: {identifier} has {word}: {instead}"));
            }
        }
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn a_gone_word_is_found_wherever_an_identifier_has_it() {
    for (identifier, word) in [
        ("Hall", "hall"),
        ("hall", "hall"),
        ("halls", "hall"),
        ("HallOfHosts", "hall"),
        ("HALL_SIZE", "hall"),
        ("on_hall_timer", "hall"),
        ("strike_off", "strike_off"),
        ("StrikeOff", "strike_off"),
        ("is_kept_apart_from", "kept_apart"),
        ("most_hosts", "most_"),
        ("MOST_HOSTS", "MOST"),
        ("MOST", "MOST"),
    ] {
        assert!(has(identifier, word), "{identifier} has {word}");
    }
    for (identifier, word) in [
        ("shall", "hall"),
        ("hallway", "hall"),
        ("strike_it_off", "strike_off"),
        ("kept_it_apart", "kept_apart"),
        ("most", "most_"),
        ("at_most_one", "most_"),
        ("most", "MOST"),
        ("AtMost", "MOST"),
    ] {
        assert!(!has(identifier, word), "{identifier} has not {word}");
    }
}

#[test]
fn identifiers_are_neither_comments_nor_texts() {
    let text = r##"
        //! hall
        /* hall /* hall */ hall */
        fn r#take<'a>(first: &'a str) -> char { // hall
            let texts = ("hall \" hall", r#"hall " hall"#, b"hall", br"hall", '\'', 'h');
            let Second { third, .. } = 0x1f_u32;
        }
    "##;
    let found: Vec<String> = identifiers(text).into_iter().map(|(_, it)| it).collect();
    let expected = "fn take a first a str char let texts let Second third";
    assert_eq!(found.join(" "), expected);
}

#[test]
fn the_glossary_is_read_from_its_table() {
    let page = "# A\n\n| word | meaning | instead of |\n|---|---|---|\n| x | of another table | `no` |\n\n## Glossary\n\n\
                | word | meaning | instead of |\n|---|---|---|\n| a | one, see `core` | `b`, `c_d` |\n| e | other | |\n\
                \n## Next\n\n| word | meaning | instead of |\n|---|---|---|\n| y | of a third | `no` |\n";
    let expected = [("b".to_owned(), "a".to_owned()), ("c_d".to_owned(), "a".to_owned())];
    assert_eq!(gone_words(page), expected);
}

fn page() -> String {
    fs::read_to_string(project().join("ARCHITECTURE.md")).expect("the page")
}

/// The words that are gone, each with the word that took its place.
fn gone_words(page: &str) -> Vec<(String, String)> {
    let section = page.split("\n## Glossary\n").nth(1).expect("a glossary");
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "three columns: {row}");
        let words: Vec<&str> = cells[3].split('`').skip(1).step_by(2).collect();
        let instead = cells[1].to_owned();
        words.into_iter().map(move |word| (word.to_owned(), instead.clone())).collect::<Vec<_>>()
    })
    .collect()
}

/// Whether an identifier has a word of the glossary, by the rules that stand above its table.
fn has(identifier: &str, word: &str) -> bool {
    if word.chars().all(|c| c.is_ascii_uppercase()) {
        let is_constant = identifier.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        return is_constant && identifier.split('_').any(|part| part == word);
    }
    let (parts, gone) = (words_of(identifier), words_of(word));
    if word.ends_with('_') {
        return parts.len() > gone.len() && parts.starts_with(&gone);
    }
    let is_same = |part: &String, gone: &String| {
        part == gone || part.strip_suffix('s').is_some_and(|one| one == gone)
    };
    parts.windows(gone.len()).any(|window| window.iter().zip(&gone).all(|(a, b)| is_same(a, b)))
}

/// The words of an identifier, in lower case.
fn words_of(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = '_';
    for c in identifier.chars() {
        let begins = c == '_' || (c.is_ascii_uppercase() && !last.is_ascii_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.push(c.to_ascii_lowercase());
        }
        last = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// All identifiers of a source, keywords and lifetimes included, with their lines.
fn identifiers(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lexer = Lexer { rest: text.chars().collect(), at: 0, line: 1 };
    while let Some(identifier) = lexer.next_identifier() {
        found.push((lexer.line, identifier));
    }
    found
}

/// As much of a lexer as it takes to tell identifiers from comments, literals and numbers.
struct Lexer {
    rest: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn next_identifier(&mut self) -> Option<String> {
        loop {
            let c = self.peek(0)?;
            if self.begins_with("//") {
                self.skip_until("\n");
            } else if self.begins_with("/*") {
                self.skip_comment();
            } else if c == '"' {
                self.skip_text();
            } else if c == '\'' {
                self.skip_character();
            } else if c.is_ascii_digit() {
                self.take_word();
            } else if c.is_alphabetic() || c == '_' {
                let word = self.take_word();
                match self.peek(0) {
                    Some('"') if word.ends_with('r') && word.len() <= 2 => self.skip_until("\""),
                    Some('"') if word == "b" || word == "c" => self.skip_text(),
                    Some('#') if word.ends_with('r') && word.len() <= 2 => self.skip_raw(),
                    _ => return Some(word),
                }
            } else {
                self.step();
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn step(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn begins_with(&self, what: &str) -> bool {
        what.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c))
    }

    fn take_word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_alphanumeric() || *c == '_') {
            word.push(c);
            self.step();
        }
        word
    }

    /// To behind the end of something that begins here.
    fn skip_until(&mut self, end: &str) {
        self.step();
        while self.peek(0).is_some() && !self.begins_with(end) {
            self.step();
        }
        for _ in end.chars() {
            self.step();
        }
    }

    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            let (opens, closes) = (self.begins_with("/*"), self.begins_with("*/"));
            depth = depth + usize::from(opens) - usize::from(closes);
            self.step();
            if opens || closes {
                self.step();
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_text(&mut self) {
        self.step();
        while let Some(c) = self.peek(0) {
            self.step();
            match c {
                '"' => return,
                '\\' => self.step(),
                _ => {}
            }
        }
    }

    /// A character, or a lifetime, whose name is found next.
    fn skip_character(&mut self) {
        let is_escaped = self.peek(1) == Some('\\');
        let is_character = self.peek(2) == Some('\'');
        self.step();
        if is_escaped {
            self.step();
            self.skip_until("'");
        } else if is_character {
            self.step();
            self.step();
        }
    }

    /// A raw text; of a raw identifier only the sign, so that its name is found next.
    fn skip_raw(&mut self) {
        let mut end = "\"".to_owned();
        while self.peek(0) == Some('#') {
            end.push('#');
            self.step();
        }
        if self.peek(0) == Some('"') {
            self.skip_until(&end);
        }
    }
}

/// All Rust files of the crates.
fn sources() -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for folder in ["core", "node", "sim"].map(|it| project().join(it)) {
        for part in ["src", "tests", "examples"].map(|it| folder.join(it)) {
            collect(&part, &mut sources);
        }
    }
    sources.sort();
    assert!(sources.len() > 200, "only {} sources found", sources.len());
    sources
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for file in files {
        let path = file.expect("a file").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            sources.push(path);
        }
    }
}
