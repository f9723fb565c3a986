//! Takes settings out of what was given, notes mistakes, and falls back to defaults.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    origin::{Mistake, Origin},
    value::{Complaints, Given, Kind, Value},
};

/// Everything that was given, by key, later sources after earlier ones.
#[derive(Debug, Default)]
pub(super) struct Reader {
    given: BTreeMap<String, Vec<Given>>,
    /// What is set to something else than the default; no secrets.
    pub(super) chosen: BTreeMap<&'static str, Json>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reader {
    /// Adds a value from a source that takes precedence over those before.
    pub(super) fn give(&mut self, key: &str, given: Given) {
        self.given.entry(key.to_owned()).or_default().push(given);
    }

    /// The value of a setting. One that a later source overrides is checked all the same.
    pub(super) fn take<T: Kind>(&mut self, key: &'static str, default: T, bounds: Option<&(T, T)>) -> T {
        let usual = default.written();
        let mut value = default;
        for given in self.given.get(key).map(Vec::as_slice).unwrap_or_default() {
            let mut complaints = Complaints { key, secret: T::SECRET, found: &mut self.mistakes };
            let Some(read) = T::read(given, &mut complaints) else { continue };
            match bounds {
                Some(bounds) if !read.is_within(bounds) => {
                    let [low, high] = [&bounds.0, &bounds.1].map(|bound| bound.written().as_ref().map(plain).unwrap_or_default());
                    complaints.about(given, format!("this should be between {low} and {high}"));
                }
                _ => value = read,
            }
        }
        if let Some(written) = value.written().filter(|written| !T::SECRET && usual.as_ref() != Some(written)) {
            self.chosen.insert(key, written);
        }
        value
    }

    /// Where the value in force was written.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.given.get(key).and_then(|given| given.last()).map_or(Origin::Derived, |given| given.origin.clone())
    }

    /// Notes a mistake that shows only when settings are seen together.
    pub(super) fn complain(&mut self, key: &str, subject: &str, sentence: &str) {
        let origin = self.origin(key);
        self.mistakes.push(Mistake { origin, subject: subject.to_owned(), sentence: sentence.to_owned() });
    }

    /// Notes a mistake about a text in an item of a list, which shows only when settings are seen together.
    pub(super) fn complain_within(&mut self, key: &str, item: usize, text: &str, sentence: &str) {
        let given = self.given.get(key).and_then(|given| given.last());
        let item = given.map(|given| if let Value::List(items) = &given.value { items.get(item).unwrap_or(given) } else { given });
        let origin = item.map_or(Origin::Derived, |item| item.place_of(text).unwrap_or(&item.origin).clone());
        self.mistakes.push(Mistake { origin, subject: key.to_owned(), sentence: sentence.to_owned() });
    }

    /// Notes a mistake about the value of a setting.
    pub(super) fn complain_about_value(&mut self, key: &'static str, sentence: &str) {
        let given = self.given.get(key).and_then(|given| given.last()).cloned();
        match given {
            Some(given) => Complaints { key, secret: false, found: &mut self.mistakes }.about(&given, sentence),
            None => self.complain(key, key, sentence),
        }
    }

    /// Whether anyone set it.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }
}

fn plain(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
