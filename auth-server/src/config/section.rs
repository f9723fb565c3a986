//! Sections of the configuration: one declaration gives the type, the defaults, the reader, the schema and the reference page.

use serde_json::Value as Json;

use super::reader::Reader;

/// One setting, as the schema and the reference page need it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name with that of its section, such as `tokens.code_lifetime`.
    pub key: &'static str,
    /// What it means and why the default is what it is: the field's doc comment.
    pub about: String,
    /// The value without configuration, as an operator would write it. None where it is derived or absent.
    pub default: Option<Json>,
    /// The JSON Schema of its value.
    pub shape: Json,
}

impl Setting {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("PORTCULLIS_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// A group of settings that is read as a whole.
pub(super) trait Section: Sized {
    /// The name of the table, empty for the settings at the top of the file.
    const NAME: &'static str;
    /// What the section is about.
    const ABOUT: &'static str;

    /// Takes every setting of the section; mistakes are noted in the reader and replaced by defaults.
    fn read(reader: &mut Reader) -> Self;

    /// Every setting of the section, in order.
    fn settings() -> Vec<Setting>;
}

/// Declares a section. The doc comments are the operator's reference: they say why a default is what it is.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $visibility:vis $name:ident at $table:tt {
            $( $(#[doc = $doc:literal])+ $field:ident: $kind:ty = $default:expr $(, within $low:expr => $high:expr)?; )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        $visibility struct $name {
            $( $(#[doc = $doc])+ pub $field: $kind, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::config::section::Section for $name {
            const NAME: &'static str = $table;
            const ABOUT: &'static str = concat!($($about),+);

            fn read(reader: &mut $crate::config::reader::Reader) -> Self {
                Self { $( $field: reader.take(
                    $crate::config::section::key!($table, $field),
                    $default,
                    $crate::config::section::bounds!($($low, $high)?),
                ), )* }
            }

            fn settings() -> Vec<$crate::config::section::Setting> {
                vec![ $( $crate::config::section::setting::<$kind>(
                    $crate::config::section::key!($table, $field),
                    concat!($($doc, "\n"),+),
                    &$default,
                    $crate::config::section::bounds!($($low, $high)?),
                ), )* ]
            }
        }
    };
}

macro_rules! key {
    ("", $field:ident) => {
        stringify!($field)
    };
    ($table:literal, $field:ident) => {
        concat!($table, ".", stringify!($field))
    };
}

macro_rules! bounds {
    () => {
        None
    };
    ($low:expr, $high:expr) => {
        Some(&($low, $high))
    };
}

pub(super) use {bounds, key, section};

/// The description of one setting of type `T`.
pub(super) fn setting<T: super::value::Kind>(key: &'static str, about: &str, default: &T, bounds: Option<&(T, T)>) -> Setting {
    let about = about.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned();
    Setting { key, about, default: default.written(), shape: T::shape(bounds) }
}
