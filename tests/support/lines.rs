//! Lines of the meta protocol, as a server of a script answers with them.

/// The words of a request's line.
fn words(request: &[u8]) -> Vec<&[u8]> {
    let line = request.split(|byte| *byte == b'\r').next();
    line.expect("a line").split(|byte| *byte == b' ').collect()
}

/// Its flags: what stands behind the key and, of what stores, the length.
fn flags(request: &[u8]) -> Vec<&[u8]> {
    let words = words(request);
    let first = match words[0] {
        b"ms" => 3,
        b"mg" | b"md" | b"ma" => 2,
        _ => words.len(),
    };
    words[first..].to_vec()
}

pub fn is_quiet(request: &[u8]) -> bool {
    flags(request).contains(&&b"q"[..])
}

/// Whether it reads a value.
pub fn reads(request: &[u8]) -> bool {
    words(request)[0] == b"mg" && flags(request).contains(&&b"v"[..])
}

/// Whether it ends quiet requests.
pub fn is_end(request: &[u8]) -> bool {
    request == b"mn\r\n"
}

/// What is sent to a request, by a template: its opaque stands for every `#`, and what a quiet request is
/// not told is not there.
pub fn answer(request: &[u8], template: &[u8]) -> Vec<u8> {
    if is_end(request) {
        return b"MN\r\n".to_vec();
    }
    let silent = match words(request)[0] {
        b"mg" => b"EN",
        _ => b"HD",
    };
    if is_quiet(request) && template.starts_with(silent) {
        return Vec::new();
    }
    let pieces: Vec<_> = template.split(|byte| *byte == b'#').collect();
    if pieces.len() == 1 {
        return template.to_vec();
    }
    let flags = flags(request);
    let opaque = flags.iter().find(|flag| flag.first() == Some(&b'O'));
    pieces.join(*opaque.expect("an opaque"))
}
