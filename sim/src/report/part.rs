//! What tables are of, and how far they have come: the file `sweep.json` beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tidings_node::settings::{SETTINGS, Setting};

use crate::history::hex;
use crate::scenario::Scenario;
use crate::sweep::{Block, Seeds, Shard};

/// The file.
pub(super) const PART: &str = "sweep.json";

/// The version of this program.
pub(super) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Version of the file.
const SCHEMA: u32 = 3;

/// The name and version of the text whose hash stands for a scenario.
const SCENARIO_ENCODING: &str = "tidings-scenario-1";

/// Which runs tables are of. Equal identities give equal tables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Identity {
    /// The program's version.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// SHA-256 of all that the scenario says, with its changes and the program's defaults. Comments
    /// are not in it.
    pub scenario_sha256: String,
    /// The rng seeds of the whole sweep.
    pub seeds: Seeds,
    /// Which part of them; none if it is all.
    pub shard: Option<Shard>,
}

/// All that a scenario says, as a text: the file that reads back as it, then every setting with its
/// value, then what it varies. Names of the file format are hashed, and no name of this program's.
fn canonical(scenario: &Scenario) -> String {
    let mut lines = vec![SCENARIO_ENCODING.to_owned(), scenario.to_toml(&[])];
    let setting =
        |setting: &Setting| format!("{} = {}", setting.name, setting.value(&scenario.config));
    lines.extend(SETTINGS.iter().map(setting));
    lines.extend(scenario.vary.iter().map(|it| format!("{} = {}", it.key, it.values.join(","))));
    lines.join("\n")
}

impl Identity {
    /// Of runs of this scenario.
    pub fn of(scenario: &Scenario, seeds: Seeds, shard: Option<Shard>) -> Self {
        Self {
            program: PROGRAM.to_owned(),
            scenario: scenario.name.clone(),
            scenario_sha256: hex(&Sha256::digest(canonical(scenario))),
            seeds,
            shard,
        }
    }

    /// The seeds that are run for it.
    pub fn block(&self) -> Block {
        self.seeds.block(self.shard.unwrap_or(Shard::WHOLE))
    }

    /// That of another part of the same sweep.
    pub(super) fn of_part(&self, part: u64) -> Self {
        let shard = self.shard.map(|shard| Shard { part, ..shard });
        Self { shard, ..self.clone() }
    }

    /// Where `other` is of other runs: each field with its value there and here.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let shard =
            |it: &Self| it.shard.map_or_else(|| "none".to_owned(), |shard| shard.to_string());
        let fields = [
            ("program version", other.program.clone(), self.program.clone()),
            ("scenario", other.scenario.clone(), self.scenario.clone()),
            (
                "scenario's contents (SHA-256)",
                other.scenario_sha256.clone(),
                self.scenario_sha256.clone(),
            ),
            ("seeds", other.seeds.to_string(), self.seeds.to_string()),
            ("shard", shard(other), shard(self)),
        ];
        let differing = fields.into_iter().filter(|(_, there, here)| there != here);
        differing
            .map(|(field, there, here)| format!("{field}: {there} there, {here} here"))
            .collect()
    }
}

/// The contents of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Part {
    schema: u32,
    pub(super) identity: Identity,
    /// The command that repeats one of the runs, without its seed.
    pub(super) replay: String,
    /// Runs whose rows are in the tables, all of them.
    pub(super) done: u64,
    /// What the tables had then. Whatever is behind that is of a run that was cut off.
    pub(super) tables: BTreeMap<String, Size>,
}

/// How much of a table there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Size {
    pub(super) rows: usize,
    /// The header included.
    pub(super) bytes: u64,
}

impl Part {
    pub(super) fn new(identity: Identity, replay: String) -> Self {
        Self { schema: SCHEMA, identity, replay, done: 0, tables: BTreeMap::new() }
    }

    /// Reads the file in `folder`, if there is one.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        /// What every version of the file has.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }

        let path = folder.join(PART);
        let name = path.display();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("read {name}"))?;
        let complain = |error: serde_json::Error| anyhow!("{name}: {error}");
        let Version { schema } = serde_json::from_str(&text).map_err(complain)?;
        ensure!(
            schema == SCHEMA,
            "{name}: unsupported schema version {schema}; this program reads {SCHEMA}"
        );
        let part: Self = serde_json::from_str(&text).map_err(complain)?;
        let Identity { seeds, shard, .. } = &part.identity;
        ensure!(seeds.is_valid(), "{name}: seeds: {seeds} are no seeds of a sweep");
        ensure!(shard.is_none_or(Shard::is_valid), "{name}: shard: 1/N to N/N is allowed");
        Ok(Some(part))
    }

    /// Writes the file, whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(PART);
        let new = folder.join("sweep.json.new");
        let write = || -> anyhow::Result<()> {
            fs::write(&new, serde_json::to_string_pretty(self)? + "\n")?;
            Ok(fs::rename(&new, &path)?)
        };
        write().with_context(|| format!("write {}", path.display()))
    }
}
