//! Whether a page of HTML is well-formed: every element is closed in order, every attribute quoted, every
//! name of a character known.

/// Elements without an end.
const EMPTY: [&str; 2] = ["meta", "br"];

/// The first thing that is wrong.
pub fn check(page: &str) -> Result<(), String> {
    let rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no document type")?;
    let mut open: Vec<&str> = Vec::new();
    let mut anchors: Vec<&str> = Vec::new();
    let mut links: Vec<&str> = Vec::new();
    let mut rest = rest;
    while let Some(start) = rest.find('<') {
        text(&rest[..start], open.last() == Some(&"style"))?;
        let end = rest[start..].find('>').ok_or_else(|| format!("a tag without end: {}", excerpt(&rest[start..])))?;
        let tag = &rest[start + 1..start + end];
        rest = &rest[start + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop().ok_or_else(|| format!("</{name}> without a beginning"))?;
            if last != name {
                return Err(format!("<{last}> is closed by </{name}> before: {}", excerpt(rest)));
            }
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()) {
            return Err(format!("no name of an element: <{tag}>"));
        }
        for (key, value) in attributes_of(attributes)? {
            match key {
                "id" if anchors.contains(&value) => return Err(format!("two elements have the name {value}")),
                "id" => anchors.push(value),
                "href" => links.extend(value.strip_prefix('#')),
                _ => {}
            }
        }
        if !EMPTY.contains(&name) {
            open.push(name);
        }
    }
    if let Some(name) = open.pop() {
        return Err(format!("<{name}> is never closed"));
    }
    let lost = links.iter().find(|link| !anchors.contains(link));
    lost.map_or(Ok(()), |link| Err(format!("a link to #{link}, which is nowhere")))
}

fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

fn text(text: &str, is_style: bool) -> Result<(), String> {
    if is_style {
        return Ok(());
    }
    for rest in text.split('&').skip(1) {
        let name = rest.split(';').next().unwrap_or("");
        let known = matches!(name, "amp" | "lt" | "gt" | "quot") || name.strip_prefix("#x").is_some();
        if !known || !rest.contains(';') {
            return Err(format!("an unknown character &{}", excerpt(rest)));
        }
    }
    if text.contains('>') { Err(format!("a bare > in {}", excerpt(text))) } else { Ok(()) }
}

fn attributes_of(mut rest: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        let length = rest.find(['=', ' ']).unwrap_or(rest.len());
        let key = &rest[..length];
        if found.iter().any(|(other, _)| *other == key) {
            return Err(format!("the attribute {key} stands twice"));
        }
        let Some(quoted) = rest[length..].strip_prefix("=\"") else {
            if rest[length..].starts_with('=') {
                return Err(format!("the attribute {key} is not quoted"));
            }
            found.push((key, ""));
            rest = &rest[length..];
            continue;
        };
        let end = quoted.find('"').ok_or_else(|| format!("the attribute {key} does not end"))?;
        text(&quoted[..end].replace('>', ""), false)?;
        found.push((key, &quoted[..end]));
        rest = &quoted[end + 1..];
    }
}

#[test]
fn what_is_malformed_is_seen() {
    let page = |body: &str| check(&format!("<!DOCTYPE html><p>{body}</p>"));
    assert_eq!(page("a <b class=\"x\">c</b> &lt;"), Ok(()));
    for bad in ["<b>", "</b>", "<b><i></b></i>", "<b class=x></b>", "a & b", "a > b", "<a href=\"#no\"></a>", "<B></B>"]
    {
        assert!(page(bad).is_err(), "{bad}");
    }
    assert!(check("<p></p>").is_err());
}
