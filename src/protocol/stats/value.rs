//! What the text of a statistic says. Most texts show by their form what they are; the table is for
//! those that do not, such as a version `1.6`, a flag `1` or a factor `2`.

use crate::protocol::number;

/// The meaning of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Nothing but itself.
    Text,
    Unsigned(u64),
    /// Below 0.
    Negative(i64),
    Real(f64),
    Boolean(bool),
}

enum Kind {
    /// The user's or the system's words, whatever they look like.
    Text,
    Octal,
    Real,
    /// Seconds with microseconds behind a point; very old servers wrote `seconds:microseconds`.
    Seconds,
    Boolean,
}

const TABLE: [(Kind, &[&str]); 5] = [
    (
        Kind::Text,
        &[
            "addr",
            "binding_protocol",
            "domain_socket",
            "hash_algorithm",
            "inter",
            "libevent",
            "listen_addr",
            "memory_file",
            "ssl_ca_cert",
            "ssl_chain_cert",
            "ssl_ciphers",
            "ssl_key",
            "ssl_min_version",
            "stat_key_prefix",
            "state",
            "version",
        ],
    ),
    (Kind::Octal, &["umask"]),
    (
        Kind::Real,
        &[
            "ext_max_frag",
            "growth_factor",
            "hot_max_factor",
            "slab_automove_freeratio",
            "slab_automove_ratio",
            "warm_max_factor",
        ],
    ),
    (Kind::Seconds, &["rusage_system", "rusage_user"]),
    (
        Kind::Boolean,
        &[
            "accepting_conns",
            "auth_enabled_ascii",
            "auth_enabled_sasl",
            "cas_enabled",
            "detail_enabled",
            "hash_is_expanding",
            "lru_crawler",
            "lru_crawler_running",
            "maxconns_fast",
            "sizes_status",
            "slab_reassign",
            "slab_reassign_running",
        ],
    ),
];

fn kind(field: &[u8]) -> Option<&'static Kind> {
    let named = |(_, names): &&(Kind, &[&str])| names.iter().any(|name| name.as_bytes() == field);
    TABLE.iter().find(named).map(|(kind, _)| kind)
}

/// What `text` says of the field that is so called (for names with a number in them: what is behind
/// it). A text that is not what the table says of its field is what its form says.
pub fn value(field: &[u8], text: &[u8]) -> Value {
    let by_table = match kind(field) {
        Some(Kind::Text) => Some(Value::Text),
        Some(Kind::Octal) => octal(text),
        Some(Kind::Real) => real(text),
        Some(Kind::Seconds) => seconds(text),
        Some(Kind::Boolean) => boolean(text),
        None => None,
    };
    by_table.unwrap_or_else(|| by_form(text))
}

fn by_form(text: &[u8]) -> Value {
    if let Some(number) = number::whole(text) {
        return Value::Unsigned(number);
    }
    if let Some(negative) = negative(text) {
        return Value::Negative(negative);
    }
    match text {
        b"yes" | b"on" => Value::Boolean(true),
        b"no" | b"off" => Value::Boolean(false),
        _ if text.contains(&b'.') => real(text).unwrap_or(Value::Text),
        _ => Value::Text,
    }
}

fn negative(text: &[u8]) -> Option<i64> {
    let number = number::whole(text.strip_prefix(b"-")?)?;
    0i64.checked_sub_unsigned(number).filter(|n| *n < 0)
}

fn octal(text: &[u8]) -> Option<Value> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    u64::from_str_radix(text, 8).ok().map(Value::Unsigned)
}

/// Digits, with a point between if there is one, and a sign in front if it is below 0: no infinity,
/// no exponent.
fn real(text: &[u8]) -> Option<Value> {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    if !unsigned.splitn(2, |byte| *byte == b'.').all(digits) {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    number.is_finite().then_some(Value::Real(number))
}

fn seconds(text: &[u8]) -> Option<Value> {
    let Some(colon) = text.iter().position(|byte| *byte == b':') else {
        return real(text);
    };
    let whole = number::whole(&text[..colon])?;
    let micros = &text[colon + 1..];
    if micros.is_empty() || micros.len() > 6 || !micros.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let micros: u32 = std::str::from_utf8(micros).ok()?.parse().ok()?;
    Some(Value::Real(whole as f64 + f64::from(micros) / 1e6))
}

fn boolean(text: &[u8]) -> Option<Value> {
    match text {
        b"1" | b"yes" | b"on" | b"enabled" => Some(Value::Boolean(true)),
        b"0" | b"no" | b"off" | b"disabled" => Some(Value::Boolean(false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm56_texts_by_their_form_and_by_the_table() {
        use Value::{Boolean, Negative, Real, Text, Unsigned};
        for (field, text, expected) in [
            ("pid", "1969", Unsigned(1969)),
            ("get_hits", "0", Unsigned(0)),
            ("cas", "18446744073709551615", Unsigned(u64::MAX)),
            ("cas", "18446744073709551616", Text),
            ("", "12", Unsigned(12)),
            ("delta", "-1", Negative(-1)),
            ("delta", "-9223372036854775808", Negative(i64::MIN)),
            ("delta", "-9223372036854775809", Text),
            ("delta", "-0", Text),
            ("padded", "007", Text),
            ("version", "1.6.18", Text),
            ("version", "1.6", Text),
            ("version", "7", Text),
            ("libevent", "2.1", Text),
            ("stat_key_prefix", ":", Text),
            ("stat_key_prefix", "1", Text),
            ("domain_socket", "yes", Text),
            ("umask", "700", Unsigned(0o700)),
            ("umask", "0700", Unsigned(0o700)),
            ("umask", "9", Unsigned(9)),
            ("rusage_user", "0.007131", Real(0.007131)),
            ("rusage_user", "3:007131", Real(3.007131)),
            ("rusage_user", "3:7131", Real(3.007131)),
            ("rusage_user", "3:", Text),
            ("rusage_user", "12", Real(12.0)),
            ("growth_factor", "1.25", Real(1.25)),
            ("growth_factor", "2", Real(2.0)),
            ("growth_factor", "nan", Text),
            ("unheard_of", "0.80", Real(0.8)),
            ("unheard_of", "-0.5", Real(-0.5)),
            ("unheard_of", "1.", Text),
            ("unheard_of", ".5", Text),
            ("unheard_of", "1.2.3", Text),
            ("unheard_of", "1e5", Text),
            ("unheard_of", "inf", Text),
            ("unheard_of", "", Text),
            ("unheard_of", "yes", Boolean(true)),
            ("unheard_of", "enabled", Text),
            // A counter of `stats`, and a flag of `stats settings`.
            ("evictions", "1", Unsigned(1)),
            ("evictions", "on", Boolean(true)),
            ("evictions", "off", Boolean(false)),
            ("cas_enabled", "1", Boolean(true)),
            ("cas_enabled", "yes", Boolean(true)),
            ("maxconns_fast", "0", Boolean(false)),
            ("slab_automove", "2", Unsigned(2)),
            ("slab_reassign", "2", Unsigned(2)),
            ("hash_is_expanding", "0", Boolean(false)),
            ("sizes_status", "disabled", Boolean(false)),
            ("sizes_status", "enabled", Boolean(true)),
            ("inter", "NULL", Text),
            ("num_napi_ids", "(null)", Text),
        ] {
            let value = value(field.as_bytes(), text.as_bytes());
            assert_eq!(value, expected, "{field} {text}");
        }
    }

    #[test]
    fn no_field_is_in_the_table_twice() {
        let mut names: Vec<_> = TABLE.iter().flat_map(|(_, names)| names.iter()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
