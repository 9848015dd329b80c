//! Embeds the page: reads `web/dist` (what `make web` built), names each asset by its content, compresses it, and writes the
//! table that `src/page.rs` includes. Rust only: it runs no other tool.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web/dist");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("web/dist");
    for name in ["index.html", "widget.html", "embed.js"] {
        if !dist.join(name).is_file() {
            return Err(format!("the page is not built: {} is missing; run `make web`", dist.join(name).display()));
        }
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    let mut names = BTreeMap::new();
    let mut table = String::new();
    for path in assets(&dist.join("assets"))? {
        let name = asset_name(&path)?;
        let content = renamed(read(&path)?, &names);
        let hashed = hashed_name(&name, &content);
        write_row(&mut table, &out, &format!("/assets/{hashed}"), &hashed, &content)?;
        names.insert(name, hashed);
    }
    let mut source = String::new();
    for (constant, path, name) in [
        ("INDEX", "/", "index.html"),
        ("WIDGET", "/embed", "widget.html"),
        ("ELEMENT", "/embed.js", "embed.js"),
        ("MANIFEST", "/manifest.webmanifest", "manifest.webmanifest"),
        ("CONSOLE", "/console", "console.html"),
    ] {
        let content = renamed(read(&dist.join(name))?, &names);
        let _ = write!(source, "static {constant}: Asset = ");
        write_row(&mut source, &out, path, name, &content)?;
        source.truncate(source.trim_end().trim_end_matches(',').len());
        source.push_str(";\n");
    }
    let _ = write!(source, "static ASSETS: &[Asset] = &[\n{table}];\n");
    fs::write(out.join("page.rs"), source).map_err(|error| format!("cannot write the page's table: {error}"))
}

/// All assets, those that nobody refers to last: pictures and fonts, then styles, then scripts.
fn assets(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory).map_err(|error| format!("cannot read {}: {error}", directory.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot read {}: {error}", directory.display()))?.path();
        if !path.is_file() {
            return Err(format!("{} is not a file: every asset stands in dist/assets itself", path.display()));
        }
        // Source maps are for the page's own development.
        if extension(&path) != "map" {
            paths.push(path);
        }
    }
    let rank = |path: &PathBuf| match extension(path) {
        "css" => 1,
        "js" => 2,
        _ => 0,
    };
    paths.sort_by_key(|path| (rank(path), path.clone()));
    Ok(paths)
}

fn asset_name(path: &Path) -> Result<String, String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(format!("{} has a name that does not go into a URL as it is", path.display()));
    }
    Ok(name.to_owned())
}

/// `main.js` becomes `main-0123456789abcdef.js`, by its content.
fn hashed_name(name: &str, content: &[u8]) -> String {
    let hash = fingerprint(content);
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{hash:016x}.{extension}"),
        None => format!("{name}-{hash:016x}"),
    }
}

/// FNV-1a, 64 bits: it tells our own builds apart, and nobody gains by a collision.
fn fingerprint(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The content with each `/assets/NAME` in it by its new name; what is not text stays.
fn renamed(content: Vec<u8>, names: &BTreeMap<String, String>) -> Vec<u8> {
    match String::from_utf8(content) {
        Ok(mut text) => {
            for (name, hashed) in names {
                for end in ['"', '\'', ')', '?', '#'] {
                    text = text.replace(&format!("/assets/{name}{end}"), &format!("/assets/{hashed}{end}"));
                }
            }
            text.into_bytes()
        }
        Err(error) => error.into_bytes(),
    }
}

fn write_row(source: &mut String, out: &Path, path: &str, name: &str, content: &[u8]) -> Result<(), String> {
    let compressed = gzip(content).map_err(|error| format!("cannot compress {name}: {error}"))?;
    let (plain_file, gzip_file) = (out.join(name), out.join(format!("{name}.gz")));
    for (file, bytes) in [(&plain_file, content), (&gzip_file, &compressed)] {
        fs::write(file, bytes).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    // Pictures and fonts are compressed already.
    let gzip = if compressed.len() + 64 < content.len() {
        format!("Some(include_bytes!({gzip_file:?}))")
    } else {
        "None".to_owned()
    };
    let _ = writeln!(
        source,
        "Asset {{ path: {path:?}, content_type: {:?}, etag: \"\\\"{:016x}\\\"\", plain: include_bytes!({plain_file:?}), gzip: {gzip} }},",
        content_type(Path::new(name)),
        fingerprint(content),
    );
    Ok(())
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn content_type(path: &Path) -> &'static str {
    match extension(path) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set; cargo sets it"))
}
