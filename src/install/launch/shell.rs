//! Scripts of a Unix shell, and command lines that are given to one.
//!
//! ```sh
//! cd "$(dirname "$0")"
//! source venv/bin/activate
//! ARGS=(--port 8189 --disable-dynamic-vram)
//! CUDA_VISIBLE_DEVICES=1 exec python main.py "${ARGS[@]}" "$@"
//! ```
//!
//! As in [`super::batch`], what depends on a condition counts as a start, and makes variables unknown.

use std::path::{Path, PathBuf};

use super::command::{Command, SEPARATOR, Variables, base_name, first_unknown, is_variable, unknown};
use super::cursor::Cursor;

/// How deep command lines are nested in others.
const DEEPEST: usize = 4;

/// Where a script or a command line is run.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The folder that it runs in.
    pub(super) folder: Option<&'a Path>,
    /// The folder of the script, if it is one.
    pub(super) script_folder: Option<&'a Path>,
    /// Variables that are set already.
    pub(super) environment: &'a [(String, String)],
    /// Variables of the system.
    pub(super) outside: &'a dyn Fn(&str) -> Option<String>,
    /// The line on which it begins, from 1.
    pub(super) line: u32,
}

/// The commands of a script or of a command line, with all variables put in.
pub(super) fn commands(text: &str, context: Context<'_>) -> Vec<Command> {
    nested(text, context, 0)
}

fn nested(text: &str, context: Context<'_>, depth: usize) -> Vec<Command> {
    let mut variables = Variables::new(false);
    for (name, value) in context.environment {
        variables.set(name, Some(value.clone()));
    }
    let mut reader = Reader {
        text: Cursor::new(text, context.line),
        context,
        variables,
        folder: context.folder.map(Path::to_path_buf),
        python: None,
        blocks: 0,
        is_tested: false,
        here: Vec::new(),
        commands: Vec::new(),
        depth,
    };
    reader.read();
    reader.commands
}

struct Reader<'a> {
    text: Cursor,
    context: Context<'a>,
    variables: Variables,
    folder: Option<PathBuf>,
    python: Option<PathBuf>,
    /// How many blocks are open whose commands may not be run.
    blocks: usize,
    /// Does what follows on the line depend on a test, as in `[ -f x ] && …`, or on a failure?
    is_tested: bool,
    /// The ends of texts that follow the line.
    here: Vec<String>,
    commands: Vec<Command>,
    /// How many command lines this one is nested in.
    depth: usize,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut words: Vec<String> = Vec::new();
        let mut line = self.text.line;
        while let Some(c) = self.text.peek() {
            match c {
                '\n' => {
                    self.text.next();
                    self.finish(&mut words, line);
                    self.is_tested = false;
                    self.skip_here();
                }
                ';' | '&' | '|' => {
                    self.text.next();
                    if c == '&' && self.text.peek() == Some('>') {
                        self.redirect();
                    } else {
                        self.finish(&mut words, line);
                        self.is_tested |= c == '|' && self.text.peek() == Some('|');
                        self.is_tested &= c != ';';
                    }
                }
                '(' | ')' => {
                    self.text.next();
                    self.finish(&mut words, line);
                }
                '>' | '<' => self.redirect(),
                '#' => {
                    self.text.skip_line();
                }
                '\\' if self.text.peek_behind(1) == Some('\n') => {
                    self.text.next();
                    self.text.next();
                }
                c if c.is_whitespace() => drop(self.text.next()),
                _ => {
                    if words.is_empty() {
                        line = self.text.line;
                    }
                    let word = self.word();
                    let is_number =
                        word.len() == 1 && word[0].len() == 1 && word[0].starts_with(|c: char| c.is_ascii_digit());
                    if !(is_number && matches!(self.text.peek(), Some('>' | '<'))) {
                        words.extend(word);
                    }
                }
            }
        }
        self.finish(&mut words, line);
    }

    /// `> file`, `2>&1`, `<<EOF`: what is sent elsewhere.
    fn redirect(&mut self) {
        let from = self.text.at;
        while self.text.peek().is_some_and(|c| matches!(c, '>' | '<' | '&' | '-')) {
            self.text.next();
        }
        let operator: String = self.text.since(from);
        while self.text.peek().is_some_and(|c| c == ' ' || c == '\t') {
            self.text.next();
        }
        if self.text.peek().is_none_or(|c| c.is_whitespace() || ";|()".contains(c)) {
            return;
        }
        let target = self.word();
        if operator.starts_with("<<") && !operator.starts_with("<<<") {
            self.here.extend(target);
        }
    }

    /// Skips the texts behind a line with `<<EOF`.
    fn skip_here(&mut self) {
        for end in std::mem::take(&mut self.here) {
            loop {
                let from = self.text.at;
                self.text.skip_line();
                let line: String = self.text.since(from);
                if self.text.next().is_none() || line.trim() == end {
                    break;
                }
            }
        }
    }

    /// One word of the text, which can be several after its variables were put in, or none.
    fn word(&mut self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut word = String::new();
        // Is there something in the word that makes it one even if it is empty?
        let mut is_there = false;
        let from = self.text.at;
        while let Some(c) = self.text.peek() {
            match c {
                '\'' => {
                    self.text.next();
                    is_there = true;
                    while let Some(c) = self.text.next().filter(|c| *c != '\'') {
                        word.push(c);
                    }
                }
                '"' => {
                    self.text.next();
                    is_there |= self.quoted(&mut word, &mut words);
                }
                '\\' => {
                    self.text.next();
                    is_there = true;
                    word.extend(self.text.next().filter(|c| *c != '\n'));
                }
                '$' | '`' => {
                    let value = self.expansion();
                    // Blanks in a value that is not quoted part it.
                    let mut parts = value.split([' ', '\t', '\n', SEPARATOR]);
                    word.push_str(parts.next().unwrap_or_default());
                    for part in parts {
                        if !word.is_empty() {
                            words.push(std::mem::take(&mut word));
                        }
                        word.push_str(part);
                    }
                }
                '~' if self.text.at == from => {
                    self.text.next();
                    is_there = true;
                    word.push_str(&(self.context.outside)("HOME").unwrap_or_else(|| "~".into()));
                }
                '(' if word.ends_with('=') && is_variable(word.trim_end_matches(['=', '+'])) => {
                    word.push_str(&self.list().join(&SEPARATOR.to_string()));
                    is_there = true;
                }
                c if c.is_whitespace() || ";&|()<>".contains(c) => break,
                c => {
                    self.text.next();
                    is_there = true;
                    word.push(c);
                }
            }
        }
        if is_there || !word.is_empty() {
            words.push(word);
        }
        words
    }

    /// The rest of `"…"`; returns whether it makes a word.
    fn quoted(&mut self, word: &mut String, words: &mut Vec<String>) -> bool {
        let mut is_there = true;
        while let Some(c) = self.text.peek() {
            match c {
                '"' => {
                    self.text.next();
                    break;
                }
                '\\' => {
                    self.text.next();
                    match self.text.next() {
                        Some('\n') | None => {}
                        Some(c) if "\"\\$`".contains(c) => word.push(c),
                        Some(c) => word.extend(['\\', c]),
                    }
                }
                '$' | '`' => {
                    let (from, value) = (self.text.at, self.expansion());
                    let is_list = self.text.since(from).contains('@');
                    if is_list && value.is_empty() {
                        // `"$@"` without arguments is no word at all.
                        is_there = false;
                    } else if is_list {
                        let mut parts = value.split(SEPARATOR);
                        word.push_str(parts.next().unwrap_or_default());
                        for part in parts {
                            words.push(std::mem::take(word));
                            word.push_str(part);
                        }
                    } else {
                        word.push_str(&value.replace(SEPARATOR, " "));
                    }
                }
                c => {
                    self.text.next();
                    word.push(c);
                }
            }
        }
        is_there
    }

    /// The words of `( … )` behind `NAME=`.
    fn list(&mut self) -> Vec<String> {
        self.text.next();
        let mut words = Vec::new();
        while let Some(c) = self.text.peek() {
            match c {
                ')' => {
                    self.text.next();
                    break;
                }
                '#' => {
                    self.text.skip_line();
                }
                c if c.is_whitespace() || ";&|(<>".contains(c) => drop(self.text.next()),
                _ => words.extend(self.word()),
            }
        }
        words
    }

    /// The value of `$NAME`, `${NAME}`, `${NAME:-default}`, `$(command)`.
    fn expansion(&mut self) -> String {
        if self.text.next() == Some('`') {
            let from = self.text.at;
            while self.text.next().is_some_and(|c| c != '`') {}
            return self.substituted(from);
        }
        match self.text.peek() {
            Some('(') => {
                let from = self.text.at;
                let mut open = 0usize;
                while let Some(c) = self.text.next() {
                    match c {
                        '(' => open += 1,
                        ')' => open -= 1,
                        _ => {}
                    }
                    if open == 0 {
                        break;
                    }
                }
                self.substituted(from)
            }
            Some('{') => {
                let from = self.text.at + 1;
                let mut open = 0usize;
                while let Some(c) = self.text.next() {
                    match c {
                        '{' => open += 1,
                        '}' => open -= 1,
                        _ => {}
                    }
                    if open == 0 {
                        break;
                    }
                }
                let inside: String = self.text.between(from, self.text.at.saturating_sub(1));
                self.parameter(&inside)
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let from = self.text.at;
                while self.text.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.text.next();
                }
                let name: String = self.text.since(from);
                self.value(&name)
            }
            // What the script is called with, and other facts of the run.
            Some('@' | '*' | '#' | '?' | '$' | '!' | '-' | '0'..='9') => {
                self.text.next();
                String::new()
            }
            _ => String::from("$"),
        }
    }

    /// `NAME`, `NAME[@]`, `NAME:-default`.
    fn parameter(&self, inside: &str) -> String {
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let (name, rest) = inside.split_at(end);
        if !is_variable(name) {
            return String::new();
        }
        let rest = rest.strip_prefix("[@]").or_else(|| rest.strip_prefix("[*]")).unwrap_or(rest);
        match rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-')) {
            Some(default) => self.variables.get(name).filter(|value| !value.is_empty()).unwrap_or_else(|| {
                if default.contains(['$', '`']) { unknown(name) } else { default.trim_matches(['"', '\'']).to_owned() }
            }),
            None if rest.is_empty() => self.value(name),
            None if rest.starts_with(":+") || rest.starts_with('+') => {
                if self.variables.get(name).is_some() {
                    unknown(name)
                } else {
                    String::new()
                }
            }
            None => unknown(name),
        }
    }

    fn value(&self, name: &str) -> String {
        if name == "PWD" {
            return self.folder.as_ref().map_or_else(|| unknown(name), |folder| folder.display().to_string());
        }
        if name == "BASH_SOURCE" {
            return String::new();
        }
        self.variables.get(name).or_else(|| (self.context.outside)(name)).unwrap_or_else(|| unknown(name))
    }

    /// What a command prints is only known of the one that finds the script's own folder.
    fn substituted(&self, from: usize) -> String {
        let text: String = self.text.since(from);
        let is_own = text.contains("dirname") && (text.contains("$0") || text.contains("BASH_SOURCE"));
        let own = self.context.script_folder.filter(|_| is_own && !text.contains(".."));
        own.map_or_else(|| unknown("$(…)"), |folder| folder.display().to_string())
    }

    /// What a command does, as far as it matters here.
    fn finish(&mut self, words: &mut Vec<String>, line: u32) {
        let mut words = std::mem::take(words);
        while let Some(first) = words.first() {
            match first.as_str() {
                "if" | "else" | "while" | "until" | "!" | "time" => drop(words.remove(0)),
                "then" | "do" | "{" => {
                    self.blocks += 1;
                    words.remove(0);
                }
                "elif" | "fi" | "done" | "}" | "esac" => {
                    self.blocks = self.blocks.saturating_sub(1);
                    words.remove(0);
                }
                "case" => {
                    self.blocks += 1;
                    return;
                }
                "for" | "select" | "function" => return,
                _ => break,
            }
        }
        if matches!(words.first().map(String::as_str), Some("[" | "[[" | "test")) {
            self.is_tested = true;
            return;
        }
        let is_certain = self.blocks == 0 && !self.is_tested;
        if matches!(words.first().map(String::as_str), Some("export" | "declare" | "local" | "readonly" | "typeset")) {
            words.remove(0);
            words.retain(|word| !word.starts_with('-'));
        }
        let assigned = words.iter().take_while(|word| assignment(word).is_some()).count();
        if assigned == words.len() {
            for (name, value, is_added) in words.iter().filter_map(|word| assignment(word)) {
                let before = self.variables.get(name).filter(|_| is_added).unwrap_or_default();
                let separator = if before.contains(SEPARATOR) { SEPARATOR.to_string() } else { String::new() };
                self.variables.set(name, is_certain.then(|| before + &separator + value));
            }
            return;
        }
        match words[assigned..].iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["cd" | "pushd", folder] | ["cd", "--", folder] => {
                let next = self.path(folder).filter(|_| is_certain);
                self.folder = next;
            }
            ["source" | ".", script, ..] if base_name(script) == "activate" => {
                self.python = self.path(script).map(|script| script.with_file_name("python"));
            }
            ["unset", name] => self.variables.set(name, Some(String::new())),
            _ => self.command(words, line),
        }
    }

    fn command(&mut self, words: Vec<String>, line: u32) {
        let starts = |word: &String| base_name(word) == "main.py";
        // `bash -c "cd ComfyUI && python main.py"`.
        if !words.iter().any(starts)
            && self.depth < DEEPEST
            && let Some(inner) =
                words.iter().find(|word| word.contains("main.py") && word.contains(char::is_whitespace))
        {
            let environment = self.variables.environment();
            let context = Context { folder: self.folder.as_deref(), environment: &environment, line, ..self.context };
            let mut commands = nested(inner, context, self.depth + 1);
            for command in &mut commands {
                command.line = line;
            }
            self.commands.append(&mut commands);
            return;
        }
        self.commands.push(Command {
            line,
            words,
            environment: self.variables.environment(),
            folder: self.folder.clone(),
            python: self.python.clone(),
        });
    }

    fn path(&self, path: &str) -> Option<PathBuf> {
        first_unknown(path).is_none().then_some(())?;
        let path = Path::new(path);
        if path.is_absolute() { Some(path.to_owned()) } else { Some(self.folder.as_ref()?.join(path)) }
    }
}

/// `NAME=value` or `NAME+=value`.
fn assignment(word: &str) -> Option<(&str, &str, bool)> {
    let (name, value) = word.split_once('=')?;
    let bare = name.strip_suffix('+').unwrap_or(name);
    is_variable(bare).then_some((bare, value, bare.len() < name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::launch::{Launch, LaunchKind};

    fn launches(text: &str) -> Vec<Launch> {
        let outside = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
        let folder = Path::new("/p");
        let context =
            Context { folder: Some(folder), script_folder: Some(folder), environment: &[], outside: &outside, line: 1 };
        let commands = commands(text, context);
        commands
            .iter()
            .filter_map(|c| c.launch(LaunchKind::Shell, Some(Path::new("/p/run.sh")), Path::new("/p/ComfyUI")))
            .collect()
    }

    fn arguments(text: &str) -> Vec<String> {
        launches(text).into_iter().map(|launch| launch.arguments.join("|")).collect()
    }

    #[test]
    fn a_script_with_an_environment_a_list_and_continuations() {
        let text = "#!/bin/bash\nset -e\n# python main.py --no\ncd \"$(dirname \"$0\")\"\nsource venv/bin/activate\n\
                    export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True\nARGS=(--port 8189 # not 8188\n  --base-directory \"a b\")\n\
                    ARGS+=(--cpu)\nCUDA_VISIBLE_DEVICES=1,0 exec python main.py \\\n  \"${ARGS[@]}\" --fast \"$@\" > log 2>&1 &\n";
        let read = launches(text);
        assert_eq!(read[0].arguments, ["--port", "8189", "--base-directory", "a b", "--cpu", "--fast"]);
        assert_eq!((read[0].line, read[0].variable("CUDA_VISIBLE_DEVICES")), (Some(10), Some("1,0")));
        assert_eq!(read[0].variable("PYTORCH_CUDA_ALLOC_CONF"), Some("expandable_segments:True"));
        assert_eq!(read[0].folder.as_deref(), Some(Path::new("/p")));
    }

    #[test]
    fn values_are_parted_at_blanks_unless_they_are_quoted() {
        assert_eq!(arguments("A=\"--x 1\"\npython main.py $A --y '${A}' ~/m"), ["--x|1|--y|${A}|/home/me/m"]);
        assert_eq!(arguments("python main.py --p ${PORT:-8188} \"${HOME}/a\""), ["--p|8188|/home/me/a"]);
        assert_eq!(arguments("A='--a'; A+=' --b'; python main.py $A"), ["--a|--b"]);
    }

    #[test]
    fn what_is_not_known_is_a_problem() {
        let read = launches("python main.py --cpu $EXTRA $(cat args)");
        assert_eq!((read[0].arguments.join(" "), read[0].problems.len()), ("--cpu".into(), 2));
        let read = launches("if [ -n \"$1\" ]; then\n  A=--x\nfi\npython main.py $A");
        assert!(read[0].problems[0].contains("`A`"), "{:?}", read[0].problems);
        for (text, expected) in [
            ("[ -n \"$1\" ] && A=--x\npython main.py $A", ("", 1)),
            ("cd /p && A=--x && python main.py $A", ("--x", 0)),
            ("A=--x || A=--y; python main.py $A", ("", 1)),
            ("if a; then b; elif c; then d; fi\nA=--x; python main.py $A", ("--x", 0)),
        ] {
            let read = launches(text);
            assert_eq!((&*read[0].arguments.join(" "), read[0].problems.len()), expected, "{text}");
        }
    }

    #[test]
    fn commands_within_commands_are_read() {
        let text = "tmux new -d -s comfy 'cd /p/ComfyUI && python main.py --cpu'\n\
                    while true; do python main.py --a; sleep 1; done\n\
                    cat > x.sh <<EOF\npython main.py --no\nEOF\ncase $1 in\n  cpu) python main.py --b ;;\nesac";
        assert_eq!(arguments(text), ["--cpu", "--a", "--b"]);
    }

    #[test]
    fn nonsense_is_no_launch() {
        for text in [
            "$", "${", "$(", "`", "\"", "'", "\\", "<<", "<<EOF", "A=(", ">", "&>", "((", "))", "${}", "$((", "case",
            "fi fi fi",
        ] {
            assert_eq!(arguments(text), [""; 0], "{text}");
        }
    }
}
