//! The one table of settings. PHP `set()`, the C setters, the validation messages and
//! `docs/settings.md` all come from it: a setting that is not in a file of `rows/` does not exist.

use super::checked::Settings;
use super::port::PortSettings;
use super::value::Value;
use crate::error::{Error, Result};

/// What a setting's value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Int,
    /// Bytes: a number, or text with the suffix K, M or G.
    Size,
    /// Seconds, fractions allowed.
    Seconds,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// Integers: a PHP array, or text with commas between the numbers.
    List,
}

/// Where a setting applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole server.
    Server,
    /// One listening port.
    Port,
}

/// One setting.
pub struct Row {
    /// Name in `set()`.
    pub key: &'static str,
    /// Other names for the same setting.
    pub aliases: &'static [&'static str],
    /// Type of the value.
    pub kind: Kind,
    /// Default, for people.
    pub default: &'static str,
    /// Allowed values and what happens outside, for people.
    pub range: &'static str,
    /// One sentence.
    pub help: &'static str,
    pub(super) apply: Apply,
}

/// How a row takes a value, and so where the setting applies.
pub(super) enum Apply {
    Server(fn(&mut Settings, &Value) -> Result<()>),
    Port(fn(&mut PortSettings, &Value) -> Result<()>),
}

/// All settings, by theme; within a theme sorted by key.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    super::rows::GROUPS.iter().copied().flatten()
}

impl Row {
    /// The row for a name or an alias.
    pub fn find(name: &str) -> Option<&'static Row> {
        rows().find(|row| row.key == name || row.aliases.contains(&name))
    }

    /// Where the setting applies.
    pub fn scope(&self) -> Scope {
        match self.apply {
            Apply::Server(_) => Scope::Server,
            Apply::Port(_) => Scope::Port,
        }
    }

    /// Take a value for the server; a port's setting is that of its primary port.
    pub(super) fn apply(&self, settings: &mut Settings, value: &Value) -> Result<()> {
        match self.apply {
            Apply::Server(apply) => apply(settings, value),
            Apply::Port(apply) => apply(&mut settings.primary, value),
        }
    }

    /// Take a value for one port.
    pub(super) fn apply_to_port(&self, port: &mut PortSettings, value: &Value) -> Result<()> {
        match self.apply {
            Apply::Server(_) => Err(Error::BadSetting(format!(
                "{} belongs to the server, not to a port",
                self.key
            ))),
            Apply::Port(apply) => apply(port, value),
        }
    }
}

/// The reference page for all settings, as Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\nGenerated from `engine/src/settings/rows/`. PHP: `$server->set([...])`. C: `skep_server_set_int` and\n\
         its siblings. Rust: `Server::set`. An unknown name is refused aloud\n\
         (in PHP by a warning, and the value is kept in `$server->setting` only). Sizes are bytes, or text with K, M or G.\n\n\
         Two settings are functions, and so no rows of this table. PHP: `dispatch_func`, and `package_length_func` of the\n\
         server or a port, which run in the master while a reactor waits for them. C: `skep_server_set_dispatch_function` and\n\
         `skep_port_set_length_function`. Rust: `Server::dispatch_with` and `Server::length_with`; see the architecture notes\n\
         on dispatch.\n\n\
         | setting | type | default | range | scope | |\n|---|---|---|---|---|---|\n",
    );
    let mut sorted: Vec<_> = rows().collect();
    sorted.sort_unstable_by_key(|row| row.key);
    for row in sorted {
        let names = std::iter::once(&row.key)
            .chain(row.aliases)
            .map(|name| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        let Row {
            kind,
            default,
            range,
            help,
            ..
        } = row;
        let scope = row.scope();
        page += &format!("| {names} | {kind:?} | {default} | {range} | {scope:?} | {help} |\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            committed,
            reference(),
            "run: UPDATE_DOCS=1 cargo test -p skep settings"
        );
    }

    #[test]
    fn rows_are_sorted_and_names_unique() {
        for group in crate::settings::rows::GROUPS {
            assert!(group.is_sorted_by_key(|row| row.key));
        }
        let mut names: Vec<_> = rows()
            .flat_map(|row| row.aliases.iter().chain([&row.key]))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
