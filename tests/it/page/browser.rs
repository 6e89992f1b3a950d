//! A real browser, without a window.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use wait_timeout::ChildExt as _;

use super::written;
use crate::common::skip;

/// Names of browsers that know these arguments, on PATH and where they usually are.
const NAMES: [&str; 8] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "headless_shell",
];
const FOLDERS: [&str; 7] = [
    "/usr/bin",
    "/snap/bin",
    "/Applications/Google Chrome.app/Contents/MacOS",
    "/Applications/Chromium.app/Contents/MacOS",
    r"C:\Program Files\Google\Chrome\Application",
    r"C:\Program Files (x86)\Google\Chrome\Application",
    r"C:\Program Files (x86)\Microsoft\Edge\Application",
];
const LONGEST: Duration = Duration::from_mins(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

/// A browser of this machine: that of `DISTORCH_FIX_BROWSER`, or one that is found. None says so.
pub fn browser() -> Option<PathBuf> {
    if let Some(browser) = env::var_os("DISTORCH_FIX_BROWSER") {
        return Some(browser.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from)).collect();
    let files = folders.iter().flat_map(|folder| {
        NAMES
            .iter()
            .chain(&["Google Chrome", "Chromium"])
            .map(|name| folder.join(name).with_extension(env::consts::EXE_EXTENSION))
    });
    let found = files.into_iter().find(|file| file.is_file());
    if found.is_none() {
        skip(
            "no Chromium, Chrome or Edge: nobody looks at the page of `doctor --html` (name one in DISTORCH_FIX_BROWSER)",
        );
    }
    found
}

/// What a run of the browser printed on standard output and on standard error.
fn run(browser: &Path, scheme: Scheme, page: &Path, arguments: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let mut user_data = OsString::from("--user-data-dir=");
    user_data.push(profile.path());
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--hide-scrollbars",
    ]);
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
    ]);
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(scheme == Scheme::Light)));
    command.arg(user_data).args(arguments).arg(format!("file://{}", page.display()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |from: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    std::thread::scope(|scope| {
        let out = scope.spawn(move || read(&mut out));
        let err = scope.spawn(move || read(&mut err));
        if child.wait_timeout(LONGEST).unwrap().is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{} does not end", browser.display());
        }
        (out.join().unwrap(), err.join().unwrap())
    })
}

/// The page itself, as the browser makes it: its document, and what it wrote to its console.
pub fn opened(browser: &Path, page: &Path) -> (String, Vec<String>) {
    let (document, log) = run(browser, Scheme::Light, page, &["--dump-dom"]);
    (document, log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}

/// What `probe.js` sees in a page that is shown this wide, for each width, and in this scheme.
pub fn probed(browser: &Path, page: &str, name: &str, scheme: Scheme, widths: &[u32]) -> Vec<serde_json::Value> {
    // In a copy, whose policy lets this script run, and nothing else.
    let policy = "default-src 'none'; ";
    assert_eq!(page.matches(policy).count(), 1);
    let probe = format!("<script>{}</script></head>", include_str!("probe.js"));
    let copy = page.replace(policy, &format!("{policy}script-src 'unsafe-inline'; ")).replacen("</head>", &probe, 1);
    let copy = written(&format!("{name}-probe.html"), &copy);
    // A window has a least width, a frame has none.
    let frame = |width: &u32| {
        let file = copy.file_name().unwrap().to_str().unwrap();
        format!("<iframe src=\"{file}\" style=\"width: {width}px; height: 3000px; border: 0\"></iframe>")
    };
    let listen = "<!doctype html><pre id=seen></pre><script>addEventListener('message', event => seen.append(event.data + '\\n'))</script>";
    let frames = format!("{listen}{}", widths.iter().map(frame).collect::<String>());
    let frames = written(&format!("{name}-frames.html"), &frames);
    let (document, _) = run(browser, scheme, &frames, &["--dump-dom", "--virtual-time-budget=10000"]);
    let seen = document.split("<pre id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let seen = seen.unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut seen: Vec<serde_json::Value> = seen.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), widths.len(), "{document}");
    seen.sort_by_key(|seen| seen["width"].as_u64());
    seen
}

/// A picture of a page: its size, and its colours, each with how many points have it.
pub fn picture(browser: &Path, page: &Path, scheme: Scheme, size: (u32, u32)) -> Vec<[u8; 3]> {
    let file = page.with_extension(format!("{scheme:?}.png"));
    let window = format!("--window-size={},{}", size.0, size.1);
    run(browser, scheme, page, &[&format!("--screenshot={}", file.display()), &window]);
    let mut decoder = png::Decoder::new(std::io::Cursor::new(fs::read(&file).unwrap()));
    decoder.set_transformations(png::Transformations::STRIP_16 | png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut points = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut points).unwrap();
    assert_eq!((info.width, info.height), size);
    let samples = info.color_type.samples();
    points[..info.buffer_size()].chunks(samples).map(|point| [point[0], point[1], point[2]]).collect()
}
