//! Scripts of `cmd`: `.bat` and `.cmd`.
//!
//! ```bat
//! @echo off
//! set "ARGS=--port 8189 --disable-dynamic-vram"
//! .\python_embeded\python.exe -s ComfyUI\main.py --windows-standalone-build ^
//!     %ARGS%
//! ```
//!
//! What stands behind `if`, in a block or behind a jump is one of several ways: a start there counts, and a variable that is
//! set there is not known afterwards.

use std::path::{Path, PathBuf};

use super::command::{Command, Variables, native, unknown};

/// The commands of a script, with all variables put in. `outside` knows variables of the system.
pub(super) fn commands(text: &str, script: &Path, outside: &dyn Fn(&str) -> Option<String>) -> Vec<Command> {
    let folder = script.parent().map(Path::to_path_buf);
    let mut reader = Reader {
        variables: Variables::new(true),
        outside,
        script_folder: folder.clone(),
        folder,
        delayed: text.to_ascii_lowercase().contains("enabledelayedexpansion"),
        depth: 0,
        jumps: false,
        commands: Vec::new(),
    };
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let mut whole = line.to_owned();
        while is_continued(&whole) {
            whole.pop();
            let Some((next, _)) = lines.next() else { break };
            whole.push_str(next.trim_start());
        }
        reader.line(&whole, number);
    }
    reader.commands
}

/// Does the line end with a caret that is no escaped caret?
fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'^').count() % 2 == 1
}

struct Reader<'a> {
    variables: Variables,
    outside: &'a dyn Fn(&str) -> Option<String>,
    script_folder: Option<PathBuf>,
    folder: Option<PathBuf>,
    delayed: bool,
    /// How many blocks are open.
    depth: usize,
    /// Was there a jump? What follows may be left out.
    jumps: bool,
    commands: Vec<Command>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, number: u32) {
        let bare = line.trim_start_matches([' ', '\t', '@', '(']);
        let first = bare.split([' ', '\t']).next().unwrap_or_default();
        if bare.starts_with(':') || first.eq_ignore_ascii_case("rem") {
            return;
        }
        let expanded = self.expanded(line);
        // Everything behind an `if` on its line belongs to it.
        let mut is_conditional = false;
        for part in parts(&expanded) {
            self.part(part.trim(), number, is_conditional);
            let first = split(part.trim_start_matches(['@', '(', ' ', '\t'])).0;
            is_conditional |= first.eq_ignore_ascii_case("if") || first.eq_ignore_ascii_case("for");
        }
    }

    /// One command, and what is around it.
    fn part(&mut self, text: &str, number: u32, is_conditional: bool) {
        let mut text = text.trim_start_matches(['@', ' ', '\t']);
        while let Some(rest) = text.strip_prefix('(') {
            self.depth += 1;
            text = rest.trim_start_matches(['@', ' ', '\t']);
        }
        let opened = text.matches('(').count();
        let closing = text.len() - text.trim_end_matches([')', ' ']).len();
        let closing = text[text.len() - closing..].matches(')').count().saturating_sub(opened);
        for _ in 0..closing {
            text = text.trim_end().strip_suffix(')').unwrap_or(text);
        }
        let text = text.trim();
        let (first, rest) = split(text);
        match first.to_ascii_lowercase().as_str() {
            "if" => self.part(behind_condition(rest), number, true),
            "else" => self.part(rest, number, true),
            "for" => {
                if let Some((_, body)) = split_word(rest, "do") {
                    self.part(body, number, true);
                }
            }
            "set" => self.set(rest, is_conditional),
            "cd" | "chdir" | "pushd" => {
                let path = rest.trim_start_matches("/d").trim_start_matches("/D").trim().trim_matches('"');
                self.folder = self.folder_at(path).filter(|_| self.is_certain(is_conditional));
            }
            "goto" => self.jumps = true,
            "call" if rest.starts_with(':') => self.jumps = true,
            "call" => self.part(rest, number, is_conditional),
            "echo" | "title" | "rem" | "" => {}
            "start" => self.start(rest, number),
            _ => self.command(text, number),
        }
        self.depth = self.depth.saturating_sub(closing);
    }

    /// `start "title" /wait /d folder program arguments`.
    fn start(&mut self, text: &str, number: u32) {
        let mut rest = text.trim();
        if let Some(title) = rest.strip_prefix('"') {
            rest = title.split_once('"').map_or("", |(_, rest)| rest).trim_start();
        }
        while rest.starts_with('/') {
            let (switch, behind) = split(rest);
            rest = behind;
            if switch.eq_ignore_ascii_case("/d") {
                rest = split(rest).1;
            }
        }
        self.command(rest, number);
    }

    fn command(&mut self, text: &str, number: u32) {
        self.commands.push(Command {
            line: number,
            words: words(text),
            environment: self.variables.environment(),
            folder: self.folder.clone(),
            python: None,
        });
    }

    /// `set NAME=value`, `set "NAME=value"`; of `/p` and `/a` the value is not known.
    fn set(&mut self, text: &str, is_conditional: bool) {
        let (first, rest) = split(text);
        let is_asked = first.starts_with('/');
        let text = if is_asked { rest } else { text }.trim_start();
        let text = match text.strip_prefix('"') {
            Some(quoted) => quoted.rsplit_once('"').map_or(quoted, |(inside, _)| inside),
            None => text,
        };
        let Some((name, value)) = text.split_once('=') else { return };
        let is_known = !is_asked && self.is_certain(is_conditional);
        self.variables.set(name.trim(), is_known.then(|| value.to_owned()));
    }

    /// Does this happen in every run of the script?
    fn is_certain(&self, is_conditional: bool) -> bool {
        !is_conditional && self.depth == 0 && !self.jumps
    }

    fn folder_at(&self, path: &str) -> Option<PathBuf> {
        super::command::first_unknown(path).is_none().then_some(())?;
        let folder = native(path);
        Some(if folder.is_absolute() { folder } else { self.folder.as_ref()?.join(folder) })
    }

    /// The line with the values of its variables.
    fn expanded(&self, line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some(at) = rest.find(['%', '!']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let sign = if rest.starts_with('%') { '%' } else { '!' };
            let inside = &rest[1..];
            if sign == '!' && !self.delayed {
                out.push('!');
                rest = inside;
            } else if let Some(behind) = inside.strip_prefix('%') {
                // `%%i` of a loop.
                let name: String = behind.chars().take_while(char::is_ascii_alphabetic).take(1).collect();
                out.push_str(&if name.is_empty() { "%".into() } else { unknown(&format!("%%{name}")) });
                rest = &behind[name.len()..];
            } else if let Some(behind) = inside.strip_prefix('~') {
                let modifiers: String = behind.chars().take_while(char::is_ascii_alphabetic).collect();
                let behind = &behind[modifiers.len()..];
                let is_script = behind.starts_with('0');
                let folder = self.script_folder.as_ref().map(|folder| format!("{}\\", folder.display()));
                out.push_str(&match folder {
                    Some(folder) if is_script && modifiers.eq_ignore_ascii_case("dp") => folder,
                    _ if is_script => unknown("%~0"),
                    _ => String::new(),
                });
                rest = behind.get(1..).unwrap_or_default();
            } else if let Some(behind) =
                inside.strip_prefix(|c: char| c.is_ascii_digit() || c == '*').filter(|_| sign == '%')
            {
                // What the script is called with.
                rest = behind;
            } else if let Some((name, behind)) = inside.split_once(sign).filter(|(name, _)| !name.is_empty()) {
                out.push_str(&self.value(name));
                rest = behind;
            } else {
                out.push(sign);
                rest = inside;
            }
        }
        out + rest
    }

    /// The value of a variable, or the mark of one that is not known.
    fn value(&self, name: &str) -> String {
        if name.eq_ignore_ascii_case("cd") {
            return self.folder.as_ref().map_or_else(|| unknown(name), |folder| folder.display().to_string());
        }
        self.variables.get(name).or_else(|| (self.outside)(name)).unwrap_or_else(|| {
            // `%NAME:a=b%` changes a text, which is not followed.
            unknown(name.split(':').next().unwrap_or(name))
        })
    }
}

/// The commands of a line, between `&`, `&&`, `|` and `||`.
fn parts(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '^' if !quoted => drop(chars.next()),
            '>' if !quoted => drop(chars.next_if(|(_, next)| *next == '&')),
            '&' | '|' if !quoted => {
                parts.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&line[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The first word and the rest.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find([' ', '\t', '(']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// What is before and behind a word.
fn split_word<'t>(text: &'t str, word: &str) -> Option<(&'t str, &'t str)> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let at = from + lower.get(from..)?.find(word)?;
        let end = at + word.len();
        let is_apart = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || c == ')' || c == '(');
        if is_apart(text[..at].chars().next_back()) && is_apart(text[end..].chars().next()) {
            return Some((&text[..at], &text[end..]));
        }
        from = end;
    }
}

/// What `if` runs: behind `exist x`, `defined x`, `errorlevel n`, or a comparison.
fn behind_condition(text: &str) -> &str {
    let mut rest = text;
    loop {
        let (first, behind) = split(rest);
        match first.to_ascii_lowercase().as_str() {
            "not" | "/i" => rest = behind,
            "exist" | "defined" | "errorlevel" | "cmdextversion" => return behind_operand(behind),
            _ => break,
        }
    }
    let left = behind_operand(rest);
    if let Some(right) = left.strip_prefix("==") {
        return behind_operand(right);
    }
    // `%A% EQU 1`, or `"a"=="b"` without blanks, which is one operand.
    let (operator, right) = split(left);
    let is_operator = ["equ", "neq", "lss", "leq", "gtr", "geq"].contains(&operator.to_ascii_lowercase().as_str());
    if is_operator { behind_operand(right) } else { left }
}

/// Behind a word whose quotes keep blanks together.
fn behind_operand(text: &str) -> &str {
    let text = text.trim_start();
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    text[end.unwrap_or(text.len())..].trim_start()
}

/// The words of a command, as a program sees them, without what is sent elsewhere.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut redirected) = (false, false);
    let mut end = |word: &mut Option<String>, redirected: &mut bool| {
        if let Some(word) = word.take()
            && !std::mem::take(redirected)
        {
            words.push(word);
        }
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if chars.peek() == Some(&'"') => word.get_or_insert_default().extend(chars.next()),
            '^' if !quoted => word.get_or_insert_default().extend(chars.next()),
            '>' | '<' if !quoted => {
                if word.as_ref().is_some_and(|word| word.len() == 1 && word.starts_with(|c: char| c.is_ascii_digit())) {
                    word = None;
                }
                end(&mut word, &mut redirected);
                while chars.next_if(|next| matches!(next, '>' | '&')).is_some() {}
                redirected = true;
            }
            c if c.is_whitespace() && !quoted => end(&mut word, &mut redirected),
            c => word.get_or_insert_default().push(c),
        }
    }
    end(&mut word, &mut redirected);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::launch::{Launch, LaunchKind};

    fn launches(text: &str) -> Vec<Launch> {
        let script = Path::new("/p/run.bat");
        let outside = |name: &str| (name == "USERPROFILE").then(|| "/home/me".to_owned());
        let commands = commands(text, script, &outside);
        commands.iter().filter_map(|c| c.launch(LaunchKind::Batch, Some(script), Path::new("/p/ComfyUI"))).collect()
    }

    fn arguments(text: &str) -> Vec<Vec<String>> {
        launches(text).into_iter().map(|launch| launch.arguments).collect()
    }

    #[test]
    fn the_script_of_the_portable_archive() {
        let text = "@echo off\r\nrem python main.py --cpu\r\n:: python main.py --cpu\r\n\
                    .\\python_embeded\\python.exe -s ComfyUI\\main.py --windows-standalone-build\r\n\
                    echo If you see this and ComfyUI did not start try python main.py --lowvram\r\npause\r\n";
        let read = launches(text);
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].line, &*read[0].arguments), (Some(4), &["--windows-standalone-build".to_owned()][..]));
    }

    #[test]
    fn carets_variables_quotes_and_redirections() {
        let text = "set CUDA_VISIBLE_DEVICES=1,0\n\
                    set \"ARGS=--port 8189 --fast\"\n\
                    python ComfyUI\\main.py %ARGS% ^\n  --base-directory \"%USERPROFILE%\\my comfy\" ^\n  --cpu > log.txt 2>&1 & pause\n";
        let read = launches(text);
        let expected = ["--port", "8189", "--fast", "--base-directory", "/home/me\\my comfy", "--cpu"];
        assert_eq!(read[0].arguments, expected);
        assert_eq!((read[0].line, read[0].variable("CUDA_VISIBLE_DEVICES")), (Some(3), Some("1,0")));
    }

    #[test]
    fn a_choice_has_several_starts_and_no_certain_variables() {
        let text = "set /p MODE=Which?\n\
                    if \"%MODE%\"==\"1\" set EXTRA=--lowvram\n\
                    if /i not \"%MODE%\" == \"2\" (\n  python main.py --cpu\n) else (\n  python main.py %EXTRA% %*\n)\n\
                    if exist \"a b\" python main.py --fast\nset EXTRA=\n";
        let read = launches(text);
        let shown: Vec<_> = read.iter().map(|launch| (launch.arguments.join(" "), launch.problems.len())).collect();
        assert_eq!(shown, [("--cpu".into(), 0), (String::new(), 1), ("--fast".into(), 0)]);
        assert!(read[1].problems[0].contains("run.bat:6: what `EXTRA` stands for"), "{:?}", read[1].problems);
    }

    #[test]
    fn behind_a_jump_no_variable_is_certain() {
        let text = "set PORT=1\nif \"%1\"==\"low\" goto low\nset ARGS=--highvram\ngoto start\n:low\nset ARGS=--lowvram\n\
                    :start\npython main.py --port %PORT% %ARGS%\n";
        let read = launches(text);
        assert_eq!(read[0].arguments, ["--port", "1"]);
        assert!(read[0].problems[0].contains("`ARGS`"), "{:?}", read[0].problems);
        let read = launches("if exist x set A=1 & set B=2\nset C=3\npython main.py %A% %B% %C%");
        assert_eq!((&*read[0].arguments, read[0].problems.len()), (&["3".to_owned()][..], 2));
    }

    #[test]
    fn starts_in_other_windows_and_through_call() {
        assert_eq!(arguments("call python main.py --a"), [["--a"]]);
        assert_eq!(arguments("start \"my title\" /wait /d C:\\x python main.py --a"), [["--a"]]);
        assert_eq!(arguments("cd ComfyUI && python main.py --a=\"b c\""), [["--a=b c"]]);
        assert_eq!(arguments("@call .\\venv\\Scripts\\python.exe -u \"%~dp0ComfyUI\\main.py\" --a"), [["--a"]]);
    }

    #[test]
    fn nonsense_is_no_launch() {
        for text in
            ["%", "!", "%%", "^", "set", "if", "for", "((((", "))))", "\"", "%~", "start \"", "if \"a", "echo off & ("]
        {
            assert_eq!(arguments(text), Vec::<Vec<String>>::new(), "{text}");
        }
    }
}
