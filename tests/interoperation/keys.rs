//! Keys of every kind that all of the clients take: plain ones, beyond ASCII, of the greatest length, and
//! those whose spelling in Python is not the key itself. And texts to store under them.

const LONGEST: usize = 250;

const WORDS: [&str; 10] = [
    "café",
    "über",
    "naïve",
    "ÿ",
    "Ā",
    "ключ",
    "日本語",
    "κλειδί",
    "مفتاح",
    "🔑",
];

const MARKS: [&str; 10] = [
    "it's",
    "\"quoted\"",
    "'\"both\"'",
    "back\\slash",
    "100%",
    "{tag}",
    "a=b&c=d",
    "#|#",
    "<>",
    "`~",
];

pub fn keys(whose: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| key(whose, n)).collect()
}

fn key(whose: &str, n: usize) -> String {
    let word = WORDS[n / 10 % 10];
    match n % 10 {
        0 => long(format!("{whose}:{n}:"), 'x'),
        1 | 2 => format!("{whose}:{word}:{n}"),
        3 if n % 20 == 3 => long(format!("{word}:{whose}:{n}:"), 'ж'),
        3 => long(format!("{n}:{whose}:{word}"), '鍵'),
        4 => format!("{whose}:{}:{n}", MARKS[n / 10 % 10]),
        5 => format!("{n}{whose}"),
        _ => format!("{whose}:user:{}:profile", n * 7919),
    }
}

/// Filled up to the greatest length.
fn long(mut key: String, with: char) -> String {
    while key.len() + with.len_utf8() <= LONGEST {
        key.push(with);
    }
    key.push_str(&"-".repeat(LONGEST - key.len()));
    key
}

/// The value of the `n`th key: from empty to 3 KB, with what ends lines and strings inside.
pub fn value(key: &str, n: usize) -> String {
    match n {
        7 => String::new(),
        _ => format!("{n}\r\n\0é{}", key.repeat(n % 13)),
    }
}

/// How many are of which kind, in words.
pub fn census(keys: &[String]) -> String {
    let count = |is: fn(&&String) -> bool| keys.iter().filter(is).count();
    let beyond = count(|key| !key.is_ascii());
    let longest = count(|key| key.len() == LONGEST);
    let both = count(|key| key.len() == LONGEST && !key.is_ascii());
    assert!(beyond >= 100 && longest >= 100 && both >= 50);
    format!(
        "of {} keys, {beyond} are beyond ASCII, {longest} have {LONGEST} bytes, {both} are both",
        keys.len()
    )
}
