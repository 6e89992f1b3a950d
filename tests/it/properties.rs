//! What holds of every repair, on generated code with load-list consumers in every form: it parses, repairing it again
//! changes nothing, undoing it gives the old text, and on items of 4 fields it means what it meant before.

use crate::snippets::{FILE, repair};
use distorch_fix::fixes::Accounting;
use distorch_fix::fixes::load_list::LOAD_LIST;
use distorch_fix::verify::Engine;
use proptest::prelude::*;

/// Statements that read items of the list `L` and put what they read into `out`; `NAME` is made unique.
const CONSUMERS: [&str; 16] = [
    "for aNAME, b, c, d in L:\n    out.append((aNAME, b, d))",
    "for (aNAME, b, c, d) in L:\n    out.append([aNAME, c])",
    "for [aNAME, _, _, d] in reversed(L):\n    out.append(aNAME)",
    "for i, (aNAME, b, c, d) in enumerate(L):\n    out.append((i, aNAME, b))",
    "for itemNAME in L:\n    out.append(itemNAME[0])\n    out.append(itemNAME[3])",
    "for itemNAME in sorted(L, key=lambda it: it[0], reverse=True):\n    aNAME, b, c, d = itemNAME\n    out.append((b, aNAME))",
    "out.append(sum(aNAME for aNAME, _, _, _ in L))",
    "out.append([it[1] for it in L if it[0] > 2])",
    "out.append({b: aNAME for aNAME, b, c, d in L})",
    "out.append(L[0][0] + L[-1][0])",
    "keptNAME = [it for it in L if it[2]]\nfor aNAME, b, c, d in keptNAME:\n    out.append(b)",
    "keptNAME = []\nfor it in L:\n    keptNAME.append(it)\nout.append(keptNAME[1][1])",
    "def helperNAME(items):\n    return [it[0] for it in items]\nout.append(helperNAME(L))",
    "def pickNAME(items):\n    return items[1:]\nfor aNAME, b, c, d in pickNAME(L):\n    out.append((aNAME, d))",
    "rebuiltNAME = [(b, aNAME) for aNAME, b, c, d in L]\nfor one, two in rebuiltNAME:\n    out.append(two)",
    "try:\n    firstNAME, *_ = L\n    aNAME, b, c, d = firstNAME\n    out.append(d)\nfinally:\n    out.append(0)",
];

/// What stands around a consumer; `BODY` is where it is put, deeper by as much as `BODY` is.
const AROUND: [&str; 5] = [
    "BODY",
    "if L:\n    BODY",
    "for turnNAME in range(2):\n    # again\n    BODY",
    "if not L:\n    out.append('none')\nelse:\n    BODY",
    "while True:\n\n    BODY\n    break",
];

/// Comments and other things that a repair has to leave as they are.
const BESIDE: [&str; 4] = [
    "",
    "# ünïcode: for a, b, c, d in L",
    "textNAME = '''\nfor a, b, c, d in L:\n  item[0]\n'''",
    "xNAME = (1,\n    2)",
];

fn indented(code: &str, by: &str) -> String {
    // The inner lines of a text are data.
    let mut in_text = false;
    let lines = code.split('\n').map(|line| {
        let line_is_data = in_text;
        in_text ^= line.contains("'''");
        if line_is_data || line.is_empty() { line.to_owned() } else { format!("{by}{line}") }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn statement(number: usize, consumer: usize, around: usize, beside: usize) -> String {
    let around = AROUND[around];
    let line = around.lines().find(|line| line.trim() == "BODY").unwrap_or_default();
    let body = indented(CONSUMERS[consumer], &line[..line.len() - line.trim_start().len()]);
    let code = around.replacen(line, &body, 1);
    format!("{}\n{code}", BESIDE[beside]).replace("NAME", &number.to_string())
}

/// A file of one function that reads a load list, in a random layout.
fn file() -> impl Strategy<Value = String> {
    let one = (0..CONSUMERS.len(), 0..AROUND.len(), 0..BESIDE.len());
    let layout = (prop::sample::select(vec!["    ", "  ", "\t"]), any::<bool>(), any::<bool>(), any::<bool>());
    (prop::collection::vec(one, 1..5), layout).prop_map(|(ones, (unit, crlf, mark, end))| {
        let statements = ones
            .iter()
            .enumerate()
            .map(|(number, (consumer, around, beside))| statement(number, *consumer, *around, *beside));
        let body = statements.collect::<Vec<_>>().join("\n");
        let body = body.replace("    ", unit);
        let mut text = format!(
            "def read(patcher):\n{}\n",
            indented(&format!("out = []\nL = patcher._load_list()\n{body}\nreturn out"), unit)
        );
        if !end {
            text.pop();
        }
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        if mark { format!("\u{feff}{text}") } else { text }
    })
}

/// What the function gives for items of 4 fields.
fn meaning(text: &str) -> Result<String, String> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let program = format!(
        "{text}\n\nclass Patcher:\n    def _load_list(self):\n        return [(3, 'x', True, ['p']), (1, 'y', False, []), (4, 'z', True, ['q'])]\n\nrepr(read(Patcher()))"
    );
    Engine::default().start(program, 1).finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_repair_is_whole_final_and_means_the_same(text in file()) {
        // These are checked of everything that is repaired here: it parses, is final, and can be undone.
        for accounting in [Accounting::Resident, Accounting::Offload] {
            let repaired = repair(&[(FILE, &text)], LOAD_LIST, accounting).remove(0);
            // With offload accounting, `item[0]` is right as it is.
            prop_assert!(repaired != text || accounting == Accounting::Offload, "nothing to repair in\n{text}");
            let before = meaning(&text);
            prop_assert!(before.is_ok(), "{before:?} of\n{text}");
            prop_assert_eq!(before, meaning(&repaired), "after the repair of\n{}\nnamely\n{}", text, repaired);
        }
    }
}
