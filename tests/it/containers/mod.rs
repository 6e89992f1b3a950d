//! Files of every kind that ComfyUI saves a workflow in, as small as they can be.

#![allow(dead_code, unreachable_pub, reason = "every program uses some of this")]

/// Makes a file with texts of these names.
pub type Make = fn(&[(&str, &str)]) -> Vec<u8>;

/// The kinds of files, and how a file of each is made.
pub const KINDS: [(&str, Make); 10] = [
    ("PNG", png),
    ("PNG, packed", packed_png),
    ("PNG, animated", animated_png),
    ("WebP", webp),
    ("MP4", mp4),
    ("MP4, at its end", late_mp4),
    ("QuickTime", quicktime),
    ("Matroska", matroska),
    ("FLAC", flac),
    ("safetensors", safetensors),
];

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap()
}

pub fn png_chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    // No one compares the checksum.
    [&number(data.len()).to_be_bytes(), kind, data, &[0; 4]].concat()
}

fn png_of(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let [header, data, end] = [png_chunk(b"IHDR", &[1; 13]), png_chunk(b"IDAT", &[2; 9]), png_chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n", &header[..], before, &data, behind, &end].concat()
}

pub fn png(texts: &[(&str, &str)]) -> Vec<u8> {
    let chunks = texts.iter().map(|(name, text)| png_chunk(b"tEXt", format!("{name}\0{text}").as_bytes()));
    png_of(&chunks.collect::<Vec<_>>().concat(), &[])
}

pub fn packed_png(texts: &[(&str, &str)]) -> Vec<u8> {
    let chunks = texts.iter().enumerate().map(|(at, (name, text))| {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
        let (kind, head) = if at % 2 == 0 { (b"zTXt", &b"\0\0"[..]) } else { (b"iTXt", &b"\0\x01\0en\0\0"[..]) };
        png_chunk(kind, &[name.as_bytes(), head, &packed].concat())
    });
    png_of(&chunks.collect::<Vec<_>>().concat(), &[])
}

pub fn animated_png(texts: &[(&str, &str)]) -> Vec<u8> {
    let chunks = texts.iter().map(|(name, text)| png_chunk(b"comf", format!("{name}\0{text}").as_bytes()));
    png_of(&[], &chunks.collect::<Vec<_>>().concat())
}

pub fn webp(texts: &[(&str, &str)]) -> Vec<u8> {
    // A TIFF header, and one directory of texts.
    let mut exif = b"II*\0\x08\0\0\0".to_vec();
    exif.extend(u16::try_from(texts.len()).unwrap().to_le_bytes());
    let mut begin = number(10 + 12 * texts.len() + 4);
    let mut data = Vec::new();
    for (at, (name, text)) in texts.iter().enumerate() {
        let text = format!("{name}:{text}\0");
        exif.extend((0x010e + u16::try_from(at).unwrap()).to_le_bytes());
        exif.extend(2_u16.to_le_bytes());
        exif.extend(number(text.len()).to_le_bytes());
        exif.extend(begin.to_le_bytes());
        begin += number(text.len());
        data.extend(text.into_bytes());
    }
    exif.extend([0; 4]);
    exif.extend(data);
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        [&kind[..], &number(data.len()).to_le_bytes(), data, &[0][..data.len() % 2]].concat()
    };
    let chunks = [chunk(b"VP8 ", &[3; 7]), chunk(b"EXIF", &exif)].concat();
    [b"RIFF", &number(chunks.len() + 4).to_le_bytes()[..], b"WEBP", &chunks].concat()
}

pub fn mp4_box(kind: &[u8], data: &[u8]) -> Vec<u8> {
    [&number(data.len() + 8).to_be_bytes(), kind, data].concat()
}

/// `meta` with names and texts; `version` is what is before its boxes.
fn meta(texts: &[(&str, &str)], version: &[u8]) -> Vec<u8> {
    let mut keys = vec![0; 4];
    keys.extend(number(texts.len()).to_be_bytes());
    let mut list = Vec::new();
    for (at, (name, text)) in texts.iter().enumerate() {
        keys.extend(mp4_box(b"mdta", name.as_bytes()));
        let data = mp4_box(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], text.as_bytes()].concat());
        list.extend(mp4_box(&number(at + 1).to_be_bytes(), &data));
    }
    let boxes = [mp4_box(b"hdlr", &[0; 25]), mp4_box(b"keys", &keys), mp4_box(b"ilst", &list)].concat();
    mp4_box(b"meta", &[version, &boxes].concat())
}

pub fn mp4(texts: &[(&str, &str)]) -> Vec<u8> {
    let moov = mp4_box(b"moov", &[mp4_box(b"mvhd", &[0; 9]), mp4_box(b"udta", &meta(texts, &[0; 4]))].concat());
    [mp4_box(b"ftyp", b"isomiso2"), moov, mp4_box(b"mdat", &[4; 30])].concat()
}

/// The sounds and pictures come first, in a box with a length of eight bytes.
pub fn late_mp4(texts: &[(&str, &str)]) -> Vec<u8> {
    let mdat = [&1_u32.to_be_bytes()[..], b"mdat", &26_u64.to_be_bytes(), &[4; 10]].concat();
    let moov = mp4_box(b"moov", &mp4_box(b"udta", &meta(texts, &[0; 4])));
    [mp4_box(b"ftyp", b"isomiso2"), mdat, moov].concat()
}

/// Without a version, outside of `udta`, which ends with four zero bytes.
pub fn quicktime(texts: &[(&str, &str)]) -> Vec<u8> {
    let udta = mp4_box(b"udta", &[mp4_box(b"name", b"x"), vec![0; 4]].concat());
    [mp4_box(b"wide", &[]), mp4_box(b"mdat", &[4; 5]), mp4_box(b"moov", &[udta, meta(texts, &[])].concat())].concat()
}

pub fn ebml(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &(0x0100_0000_0000_0000 | data.len() as u64).to_be_bytes(), data].concat()
}

pub fn matroska(texts: &[(&str, &str)]) -> Vec<u8> {
    let tags = texts.iter().map(|(name, text)| {
        let simple = [ebml(&[0x45, 0xa3], name.to_uppercase().as_bytes()), ebml(&[0x44, 0x87], text.as_bytes())];
        ebml(&[0x73, 0x73], &[ebml(&[0x63, 0xc0], &[]), ebml(&[0x67, 0xc8], &simple.concat())].concat())
    });
    let tags = ebml(&[0x12, 0x54, 0xc3, 0x67], &tags.collect::<Vec<_>>().concat());
    // Neither the segment nor the cluster says how long it is.
    let cluster = [&[0x1f, 0x43, 0xb6, 0x75, 0xff][..], &ebml(&[0xa3], &[5; 11])].concat();
    let segment = [&[0x18, 0x53, 0x80, 0x67, 0x01], &[0xff; 7][..], &cluster, &tags].concat();
    [ebml(&[0x1a, 0x45, 0xdf, 0xa3], &[0x42, 0x86, 0x81, 1]), segment].concat()
}

pub fn flac(texts: &[(&str, &str)]) -> Vec<u8> {
    let block = |kind: u8, data: &[u8]| [&[kind], &number(data.len()).to_be_bytes()[1..], data].concat();
    let field = |text: &[u8]| [&number(text.len()).to_le_bytes(), text].concat();
    let mut comments = [field(b"vendor"), number(texts.len()).to_le_bytes().to_vec()].concat();
    for (name, text) in texts {
        comments.extend(field(format!("{name}={text}").as_bytes()));
    }
    [b"fLaC".to_vec(), block(0, &[0; 34]), block(0x84, &comments), vec![6; 20]].concat()
}

pub fn safetensors(texts: &[(&str, &str)]) -> Vec<u8> {
    let texts: serde_json::Map<_, _> = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
    let tensor = serde_json::json!({"dtype": "U8", "shape": [4], "data_offsets": [0, 4]});
    let header = serde_json::json!({"latent_tensor": tensor, "__metadata__": texts}).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[7; 4]].concat()
}
