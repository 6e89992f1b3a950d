//! Names of users and computers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::{env, fs};

use regex::Regex;

use super::replaced;

/// A name is hidden wherever it stands as a word, so a short one would hide too much. In the path of a home folder, every
/// name is hidden.
const LEAST_LENGTH: usize = 4;

/// Names of users that say nothing about a person, and words that readers need.
const GENERIC: [&str; 40] = [
    "admin",
    "administrator",
    "all users",
    "anaconda",
    "appuser",
    "comfy",
    "comfyui",
    "conda",
    "cuda",
    "debian",
    "default",
    "default user",
    "desktop",
    "docker",
    "ec2-user",
    "fedora",
    "guest",
    "home",
    "jovyan",
    "laptop",
    "linux",
    "linuxbrew",
    "localhost",
    "manager",
    "model",
    "models",
    "node",
    "nvidia",
    "public",
    "python",
    "root",
    "runner",
    "server",
    "test",
    "torch",
    "ubuntu",
    "user",
    "windows",
    "workspace",
    "workstation",
];

/// The name in the path of a home folder. A name may have blanks where the system allows that.
static HOME: LazyLock<Regex> = LazyLock::new(|| {
    let folder = r"(?i)[\\/](users|home|documents and settings)[\\/]+";
    let with_blanks = r#"([^\\/:*?"<>|\r\n'`,;]{1,64}?)[\\/]"#;
    let without = r#"([^\s\\/:*?"'`<>|,;()\[\]{}=]+)"#;
    Regex::new(&format!("{folder}(?:{with_blanks}|{without})")).expect("a pattern")
});
/// Who is named as a user: the settings of services and of the environment, and `~name`.
static USER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:\b(?:user|username|logname)=["']?|(?:^|[\s=:"'])~)([a-z_][\w.-]+)"#).expect("a pattern")
});
/// `name@host:~` of shells and copies.
static PROMPT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([A-Za-z_][\w.-]*)@([A-Za-z][\w-]*)(?::[~/]|\s?[$#%]\s)").expect("a pattern"));
/// The computer in the lines of a system's journal.
static JOURNAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-][\d:]+)) ([A-Za-z][\w.-]*) [\w.@-]+(?:\[\d+\])?:")
        .expect("a pattern")
});

/// The names that are known.
#[derive(Debug, Default)]
pub struct Names {
    users: usize,
    hosts: usize,
    /// What stands in the place of each, by the name in small letters.
    stand_ins: BTreeMap<String, String>,
    pattern: Option<Regex>,
}

impl Names {
    /// The names of this user and this computer.
    pub fn of_this_computer() -> Self {
        let mut names = Self::default();
        let variable = |name: &str| env::var(name).ok();
        for user in ["USER", "USERNAME", "LOGNAME"].into_iter().filter_map(variable) {
            names.add_user(&user);
        }
        for home in ["HOME", "USERPROFILE"].into_iter().filter_map(variable) {
            names.learn(&format!("{home}/"));
        }
        let file = fs::read_to_string("/etc/hostname").ok();
        for host in ["HOSTNAME", "COMPUTERNAME"].into_iter().filter_map(variable).chain(file) {
            names.add_host(host.trim());
        }
        names
    }

    /// Learns the names that a text shows to be some.
    pub(super) fn learn(&mut self, text: &str) {
        for found in HOME.captures_iter(text) {
            let has_blanks = |name: &str| name.contains(' ');
            let is_unix = found[1].eq_ignore_ascii_case("home");
            let name = found.get(2).or_else(|| found.get(3)).map_or("", |name| name.as_str());
            let name = if is_unix && has_blanks(name) { name.split(' ').next().unwrap_or_default() } else { name };
            self.add_user(name);
        }
        for found in USER.captures_iter(text) {
            self.add_user(&found[1]);
        }
        for found in PROMPT.captures_iter(text) {
            self.add_user(&found[1]);
            self.add_host(&found[2]);
        }
        for found in JOURNAL.captures_iter(text) {
            self.add_host(&found[1]);
        }
    }

    /// A text without the names.
    pub(super) fn hide<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        let Some(pattern) = &self.pattern else { return text };
        replaced(text, pattern, |found, before, after| {
            let is_word = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
            is_word.then(|| self.stand_ins.get(&found[0].to_lowercase()).cloned())?
        })
    }

    fn add_user(&mut self, name: &str) {
        let name = name.trim().trim_end_matches('.');
        // Of a name of several words, each may stand alone.
        let words = name.split(|c: char| !c.is_alphanumeric());
        self.users += usize::from(self.add([name].into_iter().chain(words), "user", self.users + 1));
    }

    fn add_host(&mut self, name: &str) {
        let first = name.split('.').next().unwrap_or_default();
        self.hosts += usize::from(self.add([name, first].into_iter(), "host", self.hosts + 1));
    }

    /// Adds the forms of a name. False if there is none to add.
    fn add<'n>(&mut self, forms: impl Iterator<Item = &'n str>, kind: &str, number: usize) -> bool {
        let stand_in = if number == 1 { format!("<{kind}>") } else { format!("<{kind} {number}>") };
        let mut is_new = false;
        for form in forms.map(str::to_lowercase) {
            let is_needed = form.chars().count() < LEAST_LENGTH
                || GENERIC.contains(&form.as_str())
                || form.chars().all(|c| c.is_ascii_digit())
                || form.contains(['<', '%', '$', '…']);
            if !is_needed && !self.stand_ins.contains_key(&form) {
                self.stand_ins.insert(form, stand_in.clone());
                is_new = true;
            }
        }
        if is_new {
            // The longest first, so that no part of a name is left.
            let mut names: Vec<String> = self.stand_ins.keys().map(|name| regex::escape(name)).collect();
            names.sort_by_key(|name| std::cmp::Reverse(name.len()));
            self.pattern = Regex::new(&format!("(?i){}", names.join("|"))).ok();
        }
        is_new
    }
}
