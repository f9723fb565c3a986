//! As much of HTML as a person's hand needs: forms, their fields, their buttons.

/// A form of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) method: String,
    /// What would be sent: hidden fields, text, boxes that are ticked.
    pub(crate) fields: Vec<(String, String)>,
    /// Every box, ticked or not: its name, its value.
    pub(crate) boxes: Vec<(String, String)>,
    /// Buttons with a name, and their values.
    pub(crate) buttons: Vec<(String, String)>,
}

impl Form {
    /// Replaces a field, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name);
    }

    /// Unticks the box of this value.
    pub(crate) fn untick(&mut self, value: &str) {
        let boxes = &self.boxes;
        self.fields.retain(|(name, known)| known != value || !boxes.iter().any(|(of_box, _)| of_box == name));
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Every form of a page, in its order.
pub(crate) fn forms(page: &str) -> Vec<Form> {
    let mut found: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(page) {
        match tag.name.as_str() {
            "form" => {
                let method = tag.attribute("method").unwrap_or_else(|| "get".to_owned()).to_lowercase();
                found.push(Form { action: tag.attribute("action").unwrap_or_default(), method, ..Form::default() });
                open = true;
            }
            "/form" => open = false,
            "input" | "button" => {
                let form = match tag.attribute("form") {
                    Some(_) => found.last_mut(),
                    None if open => found.last_mut(),
                    None => None,
                };
                if let Some(form) = form {
                    form.take(&tag);
                }
            }
            _ => {}
        }
    }
    found
}

impl Form {
    fn take(&mut self, tag: &Tag) {
        let Some(name) = tag.attribute("name").filter(|name| !name.is_empty()) else { return };
        let kind = tag.attribute("type").unwrap_or_default();
        let button = tag.name == "button" || kind == "submit";
        let boxed = kind == "checkbox" || kind == "radio";
        let value = tag.attribute("value").unwrap_or_else(|| if boxed { "on".to_owned() } else { String::new() });
        if button {
            self.buttons.push((name, value));
        } else if boxed {
            self.boxes.push((name.clone(), value.clone()));
            if tag.has("checked") {
                self.fields.push((name, value));
            }
        } else {
            self.fields.push((name, value));
        }
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, Option<String>)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone())
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }
}

fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix("!--") {
            rest = after.find("-->").map_or("", |end| &after[end + 3..]);
            continue;
        }
        let (tag, after) = tag(rest);
        rest = after;
        // What stands in these is text, not tags.
        if tag.name == "script" || tag.name == "style" {
            let end = format!("</{}", tag.name);
            rest = rest.find(&end).map_or("", |at| &rest[at..]);
        }
        found.push(tag);
    }
    found
}

/// Reads from behind `<` to behind `>`.
fn tag(text: &str) -> (Tag, &str) {
    let ends = |c: char| c.is_whitespace() || c == '>';
    let name_end = text.find(ends).unwrap_or(text.len());
    let mut tag = Tag { name: text[..name_end].trim_end_matches('/').to_lowercase(), attributes: Vec::new() };
    let mut rest = &text[name_end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end.max(1).min(rest.len()));
        let (value, after) = value(after);
        tag.attributes.push((name.to_lowercase(), value));
        rest = after;
    }
}

fn value(text: &str) -> (Option<String>, &str) {
    let Some(after) = text.trim_start().strip_prefix('=') else { return (None, text) };
    let after = after.trim_start();
    for quote in ['"', '\''] {
        if let Some(inside) = after.strip_prefix(quote) {
            let end = inside.find(quote).unwrap_or(inside.len());
            return (Some(unescaped(&inside[..end])), inside.get(end + 1..).unwrap_or_default());
        }
    }
    let end = after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len());
    (Some(unescaped(&after[..end])), &after[end..])
}

/// Text as it was before it was escaped.
pub(crate) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let known = rest.find(';').filter(|end| *end < 10).and_then(|end| Some((entity(&rest[1..end])?, end)));
        if let Some((character, end)) = known {
            out.push(character);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[test]
fn a_form_is_read_with_its_fields_boxes_and_buttons() {
    let page = r#"<!-- <form> --><style>a > b {}</style><form method=post action="/a?b=1&amp;c"><input type="hidden" name="csrf" value="x&#x2b;y"/>
        <input type="checkbox" name="scope" value="files:read" checked><input type=checkbox name=scope value=mail>
        <button name="decision" value="allow" class="big">Allow</button></form><input name="outside">"#;
    let form = forms(page).pop().unwrap();
    assert_eq!((form.action.as_str(), form.method.as_str()), ("/a?b=1&c", "post"));
    assert_eq!(form.fields, [("csrf".to_owned(), "x+y".to_owned()), ("scope".to_owned(), "files:read".to_owned())]);
    assert_eq!(form.boxes.len(), 2);
    assert_eq!(form.buttons, [("decision".to_owned(), "allow".to_owned())]);
}
