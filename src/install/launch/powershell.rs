//! Scripts of PowerShell.
//!
//! ```powershell
//! $env:CUDA_VISIBLE_DEVICES = "0,1"
//! $arguments = @("--port", "8189")
//! & .\venv\Scripts\python.exe main.py `
//!     @arguments --disable-dynamic-vram
//! ```

use std::path::{Path, PathBuf};

use super::command::{Command, SEPARATOR, Variables, is_variable, native, unknown};
use super::cursor::Cursor;

/// The commands of a script, with all variables put in. `outside` knows variables of the system.
pub(super) fn commands(text: &str, script: &Path, outside: &dyn Fn(&str) -> Option<String>) -> Vec<Command> {
    let folder = script.parent().map(Path::to_path_buf);
    let mut reader = Reader {
        text: Cursor::new(text, 1),
        blocks: 0,
        variables: Variables::new(true),
        environment: Variables::new(true),
        script_folder: folder.clone(),
        folder,
        outside,
        commands: Vec::new(),
    };
    reader.read();
    reader.commands
}

struct Reader<'a> {
    text: Cursor,
    /// How many blocks are open whose commands may not be run.
    blocks: usize,
    variables: Variables,
    environment: Variables,
    script_folder: Option<PathBuf>,
    folder: Option<PathBuf>,
    outside: &'a dyn Fn(&str) -> Option<String>,
    commands: Vec<Command>,
}

impl Reader<'_> {
    fn starts_with(&self, text: &str) -> bool {
        self.text.ahead(text.len()).eq(text.chars())
    }

    fn read(&mut self) {
        let mut words: Vec<String> = Vec::new();
        // Within parentheses, a line does not end a command.
        let mut open = 0usize;
        let mut line = 1;
        while let Some(c) = self.text.peek() {
            if words.is_empty() {
                line = self.text.line;
            }
            match c {
                '<' if self.starts_with("<#") => {
                    while !self.starts_with("#>") && self.text.next().is_some() {}
                    self.text.next();
                    self.text.next();
                }
                '#' => {
                    self.text.skip_line();
                }
                '`' => {
                    self.text.next();
                    self.text.next();
                    while self.text.peek() == Some('\n') {
                        self.text.next();
                    }
                }
                '\n' | ';' | '|' | '{' | '}' => {
                    self.text.next();
                    if open == 0 || c != '\n' {
                        self.finish(std::mem::take(&mut words), line);
                    }
                    match c {
                        '{' => self.blocks += 1,
                        '}' => self.blocks = self.blocks.saturating_sub(1),
                        _ => {}
                    }
                }
                '(' => {
                    self.text.next();
                    open += 1;
                }
                ')' => {
                    self.text.next();
                    open = open.saturating_sub(1);
                }
                '@' if self.text.peek_behind(1) == Some('(') => drop(self.text.next()),
                ',' | '&' => drop(self.text.next()),
                '>' => {
                    while self.text.peek().is_some_and(|c| c == '>' || c == '&') {
                        self.text.next();
                    }
                    while self.text.peek().is_some_and(|c| c == ' ') {
                        self.text.next();
                    }
                    if self.text.peek().is_some_and(|c| !c.is_whitespace()) {
                        self.word();
                    }
                }
                c if c.is_whitespace() => drop(self.text.next()),
                _ => words.extend(self.word()),
            }
        }
        self.finish(words, line);
    }

    /// One word of the text, which can be several after its variables were put in.
    fn word(&mut self) -> Vec<String> {
        let mut word = String::new();
        while let Some(c) = self.text.peek() {
            match c {
                '\'' => {
                    self.text.next();
                    while let Some(c) = self.text.next().filter(|c| *c != '\'') {
                        word.push(c);
                    }
                }
                '"' => {
                    self.text.next();
                    while let Some(c) = self.text.peek().filter(|c| *c != '"') {
                        match c {
                            '`' => {
                                self.text.next();
                                word.extend(self.text.next());
                            }
                            '$' => {
                                let value = self.expansion();
                                word.push_str(&value.replace(SEPARATOR, " "));
                            }
                            c => {
                                self.text.next();
                                word.push(c);
                            }
                        }
                    }
                    self.text.next();
                }
                '$' | '@' => {
                    // An assignment begins with the name itself.
                    let value = if word.is_empty() { self.name_or_value() } else { self.expansion() };
                    word.push_str(&value);
                }
                c if c.is_whitespace() || "`;|,(){}>".contains(c) => break,
                c => {
                    self.text.next();
                    word.push(c);
                }
            }
        }
        word.split(SEPARATOR).map(str::to_owned).collect()
    }

    /// `$name` if it is assigned to, its value if not.
    fn name_or_value(&mut self) -> String {
        let from = self.text.at;
        self.text.next();
        while self.text.peek().is_some_and(|c| c.is_ascii_alphanumeric() || "_:".contains(c)) {
            self.text.next();
        }
        let name: String = self.text.since(from);
        let behind: String = self.text.ahead(20).collect();
        let behind = behind.trim_start_matches([' ', '\t']);
        let is_assigned = behind.starts_with("+=") || behind.starts_with('=') && !behind.starts_with("==");
        if is_assigned {
            return name;
        }
        self.text.at = from;
        self.expansion()
    }

    /// The value of `$name`, `$env:NAME`, `${name}`, `@name`, `$(…)`.
    fn expansion(&mut self) -> String {
        self.text.next();
        if self.text.peek() == Some('(') {
            let mut open = 0usize;
            while let Some(c) = self.text.next() {
                match c {
                    '(' => open += 1,
                    ')' => open = open.saturating_sub(1),
                    _ => {}
                }
                if open == 0 {
                    break;
                }
            }
            return unknown("$(…)");
        }
        let is_braced = self.text.peek() == Some('{');
        if is_braced {
            self.text.next();
        }
        let from = self.text.at;
        while self.text.peek().is_some_and(|c| c.is_ascii_alphanumeric() || "_:".contains(c)) {
            self.text.next();
        }
        let name: String = self.text.since(from);
        if is_braced && self.text.peek() == Some('}') {
            self.text.next();
        }
        let lower = name.to_ascii_lowercase();
        match lower.strip_prefix("env:") {
            Some(_) => {
                let name = &name["env:".len()..];
                self.environment.get(name).or_else(|| (self.outside)(name)).unwrap_or_else(|| unknown(name))
            }
            None if lower == "psscriptroot" => {
                self.script_folder.as_ref().map_or_else(|| unknown(&name), |f| f.display().to_string())
            }
            // What the script is called with.
            None if lower == "args" && self.variables.get(&name).is_none() => String::new(),
            None if !is_variable(&name) => String::new(),
            None => self.variables.get(&name).unwrap_or_else(|| unknown(&name)),
        }
    }

    fn finish(&mut self, mut words: Vec<String>, line: u32) {
        words.retain(|word| !word.is_empty());
        let is_certain = self.blocks == 0;
        if let Some(name) = words.first().and_then(|word| word.strip_prefix('$')) {
            let (name, is_added) = (name.to_owned(), words.get(1).is_some_and(|word| word == "+="));
            if !words.get(1).is_some_and(|word| word == "=" || word == "+=") {
                return;
            }
            let starts = words[2..].iter().any(|word| super::command::base_name(word) == "main.py");
            if starts {
                // `$process = Start-Process python …`.
                self.finish(words.split_off(2), line);
                return;
            }
            let is_env = name.to_ascii_lowercase().starts_with("env:");
            let (variables, name) =
                if is_env { (&mut self.environment, &name[4..]) } else { (&mut self.variables, &*name) };
            let mut value = words[2..].join(&SEPARATOR.to_string());
            if is_added && let Some(before) = variables.get(name).filter(|before| !before.is_empty()) {
                value = format!("{before}{SEPARATOR}{value}");
            }
            variables.set(name, is_certain.then_some(value));
            return;
        }
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [command, ref rest @ ..]
                if ["cd", "set-location", "sl", "push-location", "pushd"]
                    .contains(&command.to_ascii_lowercase().as_str()) =>
            {
                let path = rest.iter().find(|word| !word.starts_with('-'));
                let path = path.filter(|path| super::command::first_unknown(path).is_none()).map(|path| native(path));
                self.folder =
                    path.and_then(
                        |path| {
                            if path.is_absolute() { Some(path) } else { Some(self.folder.as_ref()?.join(path)) }
                        },
                    );
                if !is_certain {
                    self.folder = None;
                }
            }
            [command, ..] if command.eq_ignore_ascii_case("start-process") => {
                // Its own parameters have one dash, and the arguments of the program may be one text.
                let is_own = |word: &&String| word.starts_with('-') && word.len() > 2 && !word.starts_with("--");
                let words = words[1..].iter().filter(|word| !is_own(word));
                let words = words.flat_map(|word| super::quoted_words(word)).collect();
                self.command(words, line);
            }
            [] => {}
            [command, ..] if command.eq_ignore_ascii_case("write-host") => {}
            _ => self.command(words, line),
        }
    }

    fn command(&mut self, words: Vec<String>, line: u32) {
        let environment = self.environment.environment();
        self.commands.push(Command { line, words, environment, folder: self.folder.clone(), python: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::launch::{Launch, LaunchKind};

    fn launches(text: &str) -> Vec<Launch> {
        let script = Path::new("/p/run.ps1");
        let commands = commands(text, script, &|_| None);
        commands
            .iter()
            .filter_map(|c| c.launch(LaunchKind::PowerShell, Some(script), Path::new("/p/ComfyUI")))
            .collect()
    }

    #[test]
    fn a_script_with_an_environment_a_list_and_continuations() {
        let text = "# python main.py --no\n<# python main.py --no #>\n$env:CUDA_VISIBLE_DEVICES = \"1,0\"\n\
                    $list = @(\"--port\", '8189',\n  \"--base-directory\", \"C:\\my comfy\")\n$list += \"--cpu\"\n\
                    & .\\venv\\Scripts\\python.exe -s main.py `\r\n  @list --fast > log.txt\nWrite-Host \"main.py ended\"\n";
        let read = launches(text);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].arguments, ["--port", "8189", "--base-directory", "C:\\my comfy", "--cpu", "--fast"]);
        assert_eq!((read[0].line, read[0].variable("CUDA_VISIBLE_DEVICES")), (Some(7), Some("1,0")));
    }

    #[test]
    fn other_ways_to_start_and_what_is_not_known() {
        let read = launches("Start-Process -FilePath python -ArgumentList \"main.py --port 8189\" -Wait");
        assert_eq!(read[0].arguments, ["--port", "8189"]);
        let read = launches("if ($x) { $extra = '--cpu' }\npython main.py $extra --fast");
        assert_eq!((read[0].arguments.join(" "), read[0].problems.len()), ("--fast".into(), 1));
    }

    #[test]
    fn nonsense_is_no_launch() {
        for text in ["$", "@(", "`", "\"", "'", "<#", "$(", "${", "$x =", "}", "$env:", "> "] {
            assert_eq!(launches(text), [], "{text}");
        }
    }
}
