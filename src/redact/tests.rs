use std::path::Path;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

/// Texts, as they are shown if all are in one report.
fn shown<const N: usize>(texts: [&str; N]) -> [String; N] {
    let texts = texts.map(str::to_owned).to_vec();
    let shown = Redactor::default().report(&texts).unwrap();
    shown.try_into().unwrap()
}

fn one(text: &str) -> String {
    let [shown] = shown([text]);
    shown
}

#[test]
fn a_path_is_shown_from_the_installation_on() {
    for (path, expected) in [
        ("/home/alice/ComfyUI/custom_nodes/a.py", "…/ComfyUI/custom_nodes/a.py"),
        ("/Users/alice/dev/ComfyUI/main.py", "…/ComfyUI/main.py"),
        (r"C:\Users\Alice Doe\ComfyUI_windows_portable\ComfyUI\main.py", r"…\ComfyUI_windows_portable\ComfyUI\main.py"),
        (r"\\?\C:\Users\alice\ComfyUI\x.py", r"…\ComfyUI\x.py"),
        (r"\\?\UNC\server\alice\ComfyUI\x.py", r"…\ComfyUI\x.py"),
        (r"\\server\people\alice\ComfyUI\x.py", r"…\ComfyUI\x.py"),
        (r"\\comfyui-box\people\alice\x.py", r"…\x.py"),
        (r"\\wsl.localhost\Ubuntu\home\alice\ComfyUI\x.py", r"…\ComfyUI\x.py"),
        ("/mnt/c/Users/alice/ComfyUI/x.py", "…/ComfyUI/x.py"),
        (r"C:\Users\alice\OneDrive - Firm\Documents\ComfyUI\user", r"…\ComfyUI\user"),
        (r"C:\\Users\\alice\\ComfyUI\\x.py", r"…\ComfyUI\x.py"),
        ("C:/Users/alice/ComfyUI/x.py", "…/ComfyUI/x.py"),
        ("file:///C:/Users/Alice%20Doe/ComfyUI/x.py", "file://…/ComfyUI/x.py"),
        ("/data/alice/x/wan.gguf", "…/wan.gguf"),
        ("/data/models/unet/wan.gguf", "…/models/unet/wan.gguf"),
        ("/home/alice", "…"),
        (r"C:\Users\alice\", r"…\"),
        ("/opt/venv/lib/python3.12/site-packages/torch/nn.py", "…/site-packages/torch/nn.py"),
        ("/usr/bin/nvidia-smi", "/usr/bin/nvidia-smi"),
        (r"C:\Windows\System32\nvidia-smi.exe", r"C:\Windows\System32\nvidia-smi.exe"),
        ("custom_nodes/ComfyUI-MultiGPU", "custom_nodes/ComfyUI-MultiGPU"),
        ("~/ComfyUI/main.py", "~/ComfyUI/main.py"),
        ("../../alices/ComfyUI/x.py", "…/ComfyUI/x.py"),
        (r"..\alices\x.py", r"…\x.py"),
    ] {
        assert_eq!(one(path), expected, "{path}");
        for (before, after) in [("in ", " there"), ("'", "'"), ("--path=", ", line 3"), ("(", ")")] {
            assert_eq!(one(&format!("{before}{path}{after}")), format!("{before}{expected}{after}"), "{path}");
        }
    }
}

#[test]
fn a_path_ends_where_the_next_thing_begins() {
    assert_eq!(one(r"C:\a\b\python.exe -s C:\a\ComfyUI\main.py --x"), r"…\python.exe -s …\ComfyUI\main.py --x");
    assert_eq!(one("-v /srv/x/ComfyUI:/root/ComfyUI a/b and/or 12/16"), "-v …/ComfyUI:…2/ComfyUI a/b and/or 12/16");
    assert_eq!(one("python main.py >/srv/x/log.txt"), "python main.py >…/log.txt");
    assert_eq!(one("'/Users/alice/My Disk/ComfyUI/x y.py'"), "'…/ComfyUI/x y.py'");
}

#[test]
fn installations_have_numbers() {
    let drive = if cfg!(windows) { "C:" } else { "" };
    let folders =
        ["/srv/my own/app", "/srv/my own/app/ComfyUI", "/data/big disk/base"].map(|path| format!("{drive}{path}"));
    let mut redactor = Redactor::new(Names::default(), folders.iter().map(Path::new));
    let mut is = |text: &str, expected: &str| {
        let text = if text.starts_with('/') { format!("{drive}{text}") } else { text.to_owned() };
        assert_eq!(redactor.text(&text), expected);
    };
    is("/srv/my own/app/ComfyUI/main.py", "…/app/ComfyUI/main.py");
    is("/data/big disk/base/models/x.gguf -h", "…2/base/models/x.gguf -h");
    is("/other/place/ComfyUI/x", "…3/ComfyUI/x");
    is("/srv/my own/app", "…/app");
    is("srv/my own/app", "srv/my own/app");
}

#[test]
fn a_name_is_hidden_wherever_it_stands() {
    let shown = shown([
        "by alice and ALICE's friend, alice_models, not by alicent",
        r"C:\Users\Alice\x",
        "/home/robert/x",
        "User=robert",
        "carol77@darkstar:~/ComfyUI$ python main.py",
        "Nov 25 13:31:44 deepthought python[12]: on deepthought and darkstar",
        "/home/al/x is too short to be hidden elsewhere: al",
    ]);
    assert_eq!(
        shown,
        [
            "by <user> and <user>'s friend, <user>_models, not by alicent",
            r"…\x",
            "…/x",
            "User=<user 2>",
            "<user 3>@<host>:~/ComfyUI$ python main.py",
            "Nov 25 13:31:44 <host 2> python[12]: on <host 2> and <host>",
            "…/x is too short to be hidden elsewhere: al",
        ]
    );
}

#[test]
fn secrets_are_hidden() {
    for (text, expected) in [
        ("HF_TOKEN=hf_abcdefghijkl", "HF_TOKEN=<secret>"),
        ("token hf_abcdefghijkl.", "token <secret>."),
        ("sk-proj-abc_DEF123456", "<secret>"),
        ("ghp_0123456789abcdef", "<secret>"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer <secret>"),
        ("{'Authorization': 'Basic YWxhZGRpbg=='}", "{'Authorization': 'Basic <secret>'}"),
        ("--tls-keyfile /home/alice/k.pem --port 8188", "--tls-keyfile <secret> --port 8188"),
        ("--api-key=abc --listen", "--api-key=<secret> --listen"),
        ("https://bob:pw@huggingface.co/x?token=abc&y=1", "https://<secret>@huggingface.co/x?token=<secret>&y=1"),
        (r#"{"api_key": "abc def", "n": 1}"#, r#"{"api_key": <secret>, "n": 1}"#),
        ("MY_SECRET='a b' X=1", "MY_SECRET=<secret> X=1"),
        ("DB_PASSWORD: abc", "DB_PASSWORD: <secret>"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nx", "<secret>\nx"),
    ] {
        assert_eq!(one(text), expected);
    }
    let value = json!({
        "arguments": ["--tls-keyfile", "k.pem", "--listen", "0.0.0.0"],
        "environment": [["HF_TOKEN", "abc"], ["CUDA_VISIBLE_DEVICES", "0"]],
        "variable": {"name": "MY_KEY", "value": "abc"},
        "password": "abc",
    });
    let expected = json!({
        "arguments": ["--tls-keyfile", "<secret>", "--listen", "0.0.0.0"],
        "environment": [["HF_TOKEN", "<secret>"], ["CUDA_VISIBLE_DEVICES", "0"]],
        "variable": {"name": "MY_KEY", "value": "<secret>"},
        "password": "<secret>",
    });
    assert_eq!(Redactor::default().report(&value).unwrap(), expected);
}

#[test]
fn addresses_are_hidden() {
    for (text, expected) in [
        ("http://192.168.1.7:8188", "http://<address>:8188"),
        ("at fe80::1ff:fe23:4567:890a", "at <address>"),
        ("2001:db8::8a2e:370:7334", "<address>"),
        ("aa:bb:cc:dd:ee:ff", "<address>"),
        ("mail alice.b@example.org.", "mail <e-mail>."),
        ("https://box.lan:8188/view", "https://<host>:8188/view"),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-<uuid>"),
        ("CUDA_VISIBLE_DEVICES=GPU-8932f937,MIG-1234abcd", "CUDA_VISIBLE_DEVICES=GPU-<uuid>,MIG-<uuid>"),
    ] {
        assert_eq!(one(text), expected);
    }
}

/// What readers need, and what only resembles something private.
#[test]
fn everything_else_stays() {
    for text in [
        "wan2.2_i2v_high_noise_14B_Q6_K.gguf by cuda:0,12gb;cuda:1,16gb;cpu,*",
        "UnetLoaderGGUFDisTorch2MultiGPU node 12:37, KeyError: ''",
        "* KSampler 3:\n  - Value not in list: device: 'cuda:1' not in ['cpu', 'cuda:0']",
        "http://127.0.0.1:8188 and 0.0.0.0, https://github.com/pollockjj/ComfyUI-MultiGPU/issues/186",
        "git@github.com:a/b.git at 2aaf5f4, nvidia-cublas-cu12==12.8.4.1, driver 31.0.15.3699, version 1.2.3.4",
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True TOKENIZERS_PARALLELISM=false max_tokens=77",
        "00000000:01:00.0 at 13:31:44, x[1::2], std::vector, 100% of 12/16 GB, and/or",
        "[MultiGPU DisTorch V2] Full allocation string: #cuda:0;4.0;cpu",
        "Model WAN21 prepared for dynamic VRAM loading. 13627MB Staged. 0 patches attached.",
        r#"File "custom_nodes/ComfyUI-MultiGPU/distorch_2.py", line 239, in new_partially_load"#,
        "missing key: diffusion_model.blocks.0.weight",
        "pip install accelerate==1.2.0; python -m pip --version",
        "diff --git a/x b/x",
    ] {
        assert_eq!(one(text), text);
    }
}

#[test]
fn the_longest_text_is_shortened() {
    let text = one(&"a é".repeat(4 << 20));
    assert!(text.ends_with('…') && text.chars().count() == MOST_CHARACTERS + 1);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Report {
    title: String,
    lines: Vec<String>,
    inner: Option<Box<Report>>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_name_nor_token_gets_through(
        user in "[a-z][a-z0-9]{3,10}[a-z]",
        words in "[A-Z][a-z]{3,8} [A-Z][a-z]{3,8}",
        token in "[A-Za-z0-9]{16,30}",
        quad in "(10|172|192|8)\\.[1-9]\\.[0-9]{1,2}\\.[1-9]",
    ) {
        prop_assume!(!user.contains("comfyui") && !user.contains("user") && !words.contains("User"));
        let fields = |at: usize| format!("{at}: {user} saw /home/{user}/a/{user}.txt, C:\\Users\\{words}\\b, {words},\
             hf_{token} HF_TOKEN={token} http://{user}:{token}@x.y/ http://{quad}:80/ {user}@mail.example.org \
             \\\\{user}\\{user}\\x C:\\Users\\{user}\\OneDrive\\ComfyUI\\main.py /media/{user}/x/ComfyUI {user}_x");
        let inner = Report { title: fields(0), lines: vec![fields(1)], inner: None };
        let report = Report { title: fields(2), lines: vec![fields(3), fields(3)], inner: Some(Box::new(inner)) };
        let shown = Redactor::default().report(&report).unwrap();
        let text = serde_json::to_string(&shown).unwrap();
        for private in [user.as_str(), &token, &quad].into_iter().chain(words.split(' ')) {
            prop_assert!(!text.contains(private), "{private} in {text}");
        }
        prop_assert_eq!(&shown.lines[0], &shown.lines[1]);
        // Once hidden, a text is as it should be.
        let again = Redactor::default().report(&shown).unwrap();
        prop_assert_eq!(again, shown);
    }

    #[test]
    fn no_text_breaks_it(text in "(\\PC|[/\\\\:@=.~'\" \n-]|Users|home|C:){0,60}") {
        let mut redactor = Redactor::default();
        let shown = redactor.report(&vec![text.clone()]).unwrap();
        prop_assert_eq!(Redactor::default().report(&vec![text]).unwrap(), shown);
    }
}
