//! What the page of `doctor --html` promises: it is one file that says everything, to everybody, and nothing private.

mod browser;
mod private;
mod report;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use self::browser::Scheme;
use crate::common::is_full;
use distorch_fix::redact::{Names, Redactor};
use distorch_fix::render::html::page;
use distorch_fix::report::DoctorReport;

/// The page about a report, redacted.
fn redacted(report: &DoctorReport) -> String {
    let mut redactor = Redactor::new(Names::default(), []);
    redactor.learn(report).unwrap();
    page(report, "distorch-fix doctor --html page.html", Some(&mut redactor)).unwrap()
}

/// Writes a page to where it can be looked at.
fn written(name: &str, page: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, page).unwrap();
    path
}

#[test]
fn everything_that_was_found_is_on_the_page() {
    let page = redacted(&report::usual());
    for text in [
        "Nothing is distributed here",
        "dynamic-vram",
        "Stops it",
        "13627MB Staged",
        "line 214",
        "--disable-dynamic-vram",
        "pollockjj/ComfyUI-MultiGPU#186",
        "RTX A4000",
        "13.04 of 12.0 GB on cuda:0 in stage 3, which is more than it has",
        "class=\"stages\"",
        "cuda:0,9gb;cuda:1,9gb#cuda:0",
        "A library of CUDA is looked for",
        "Unknown, because the log does not show how the server was started.",
        "distorch-fix doctor --html page.html",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.len() < 300 << 10, "{} bytes", page.len());
    for elsewhere in ["<script", "<link", "<img", "<iframe", "@import", "url(", "src="] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn a_browser_shows_it_to_everybody() {
    let Some(browser) = browser::browser() else { return };
    let schemes = [(Scheme::Light, "rgb(246, 245, 241)"), (Scheme::Dark, "rgb(20, 22, 26)")];
    for (at, (name, report)) in [("usual", report::usual()), ("healthy", report::healthy())].into_iter().enumerate() {
        let page = redacted(&report);
        let file = written(&format!("{name}.html"), &page);
        let (_, console) = browser::opened(&browser, &file);
        assert_eq!(console, [""; 0]);
        for &(scheme, ground) in if is_full() { &schemes[..] } else { &schemes[at..=at] } {
            let widths = [360, 1100];
            for (width, seen) in widths.into_iter().zip(browser::probed(&browser, &page, name, scheme, &widths)) {
                assert_eq!(seen["wrong"], serde_json::json!([]), "{name}, {scheme:?}, {width} wide");
                assert_eq!((&seen["ground"], &seen["width"]), (&ground.into(), &width.into()));
                let findings = seen["findings"].as_array().unwrap();
                assert_eq!(findings.len(), report.findings.len());
                for (seen, found) in findings.iter().zip(&report.findings) {
                    assert_eq!(seen["id"], found.problem);
                }
            }
            let points = browser::picture(&browser, &file, scheme, (1100, 1400));
            let colours: BTreeSet<_> = points.iter().collect();
            let background = points.iter().filter(|point| **point == points[0]).count();
            assert!(colours.len() > 50, "{} colours are an empty page", colours.len());
            assert!(
                background * 10 > points.len() && background * 10 < points.len() * 9,
                "{background} of {}",
                points.len()
            );
        }
    }
}

/// What would end an element, begin a script, or turn the text around.
const HOSTILE: &str = "<script>document.title = 'taken'</script></style></title><img src=x onerror=alert(1)> \
    \"onclick='alert(1)' &lt;b&gt; ]]> --> \u{202e}\u{1b}[31m\u{0}\u{fffe} javascript:alert(1)\u{2066}";

#[test]
fn no_text_is_more_than_text() {
    let page = redacted(&report::with(HOSTILE));
    for markup in ["<script", "<img", "\u{202e}", "\u{2066}", "\u{1b}", "\0", "'taken'</"] {
        assert!(!page.contains(markup), "{markup:?}");
    }
    // That of the page, and that of the picture.
    assert_eq!((page.matches("</style>").count(), page.matches("</title>").count()), (2, 1));
    assert!(page.contains("&lt;script&gt;document.title = 'taken'&lt;/script&gt;"));
    let Some(browser) = browser::browser() else { return };
    let (document, console) = browser::opened(&browser, &written("hostile.html", &page));
    assert!(document.contains("<title>distorch-fix doctor: &lt;script&gt;") && console.is_empty(), "{console:?}");
    let [seen] = &browser::probed(&browser, &page, "hostile", Scheme::Light, &[360])[..] else { panic!() };
    assert_eq!((&seen["wrong"], &seen["scripts"]), (&serde_json::json!([]), &1.into()), "only the probe is a script");
}

#[test]
fn the_longest_text_does_not_make_the_page_long() {
    let page = redacted(&report::with(&"a MB in every text ".repeat(60_000)));
    assert!(page.len() < 300 << 10 && page.contains("more characters)"), "{} bytes", page.len());
}
