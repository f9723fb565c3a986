//! Log lines for programs: a JSON object each, written while its fields are visited.
//!
//! The library's own gathers every line into a tree first, and reads the request's
//! part anew for every event: that was a fifth of what a token costs. A test holds
//! these lines against those.

use std::fmt;

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes the fields of a span, once, when it begins.
#[derive(Debug)]
pub(super) struct Fields;

/// Writes an event, with the innermost span around it.
#[derive(Debug)]
pub(super) struct Lines;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members { writer, result: Ok(()) };
        fields.record(&mut members);
        members.result
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\"", event.metadata().level())?;
        let mut members = Members { writer: writer.by_ref(), result: Ok(()) };
        event.record(&mut members);
        members.text("target", event.metadata().target());
        members.result?;
        if let Some(span) = context.lookup_current()
            && let Some(fields) = span.extensions().get::<FormattedFields<N>>()
        {
            write!(writer, ",\"span\":{{\"name\":\"{}\"{fields}}}", span.name())?;
        }
        writer.write_str("}\n")
    }
}

/// Members of an object, a comma before each.
struct Members<'w> {
    writer: Writer<'w>,
    result: fmt::Result,
}

impl Members<'_> {
    fn member(&mut self, name: &str, value: impl fmt::Display) {
        if self.result.is_ok() {
            self.result = write!(self.writer, ",\"{name}\":{value}");
        }
    }

    /// Strangers' text is escaped, so that no line can be forged (OA-LG-05).
    fn text(&mut self, name: &str, value: &str) {
        match serde_json::to_string(value) {
            Ok(value) => self.member(name, value),
            Err(_) => self.result = Err(fmt::Error),
        }
    }
}

impl Visit for Members<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use portcullis_verifier::vocabulary::Issuer;
    use serde_json::Value;
    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

    use super::*;
    use crate::{
        events::{self, Step},
        store::{About, OperatorAction},
        telemetry::writer::OfIssuer,
    };

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Sink {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn lines(&self) -> Vec<Value> {
            let text = self.text();
            let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            for line in &mut lines {
                assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
                line["timestamp"].take();
            }
            lines
        }
    }

    // OA-LG-02, OA-LG-05
    #[test]
    fn lines_are_those_of_the_library() {
        let (ours, theirs) = (Sink::default(), Sink::default());
        let library = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        let subscriber = tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().fmt_fields(Fields).event_format(Lines).with_writer(ours.clone()))
            .with(library.with_writer(theirs.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let forged = "two\nlines \"}\u{1b}[31m é";
            tracing::info!(
                event = forged,
                none = None::<&str>,
                some = Some("x"),
                yes = true,
                less = -1_i64,
                more = u64::MAX,
                "said {}",
                forged
            );
            let outer = tracing::info_span!("outer", lost = 1);
            let _outer = outer.enter();
            let span = tracing::info_span!("request", id = forged, method = %"GET", route = ?Some("/x"), status = 200_u16);
            let _span = span.enter();
            let error = io::Error::other(forged);
            tracing::warn!(target: "elsewhere", reason = %forged, error = &error as &dyn std::error::Error);
            tracing::error!("bare");
        });
        assert_eq!(ours.lines().len(), 3);
        assert_eq!(ours.lines(), theirs.lines());
    }

    // OA-LG-02: the log knows whose it is, for programs and for people; two of one process do too
    #[test]
    fn every_event_says_which_issuer_it_is_of() {
        for issuer in ["https://one.example", "https://two.example"] {
            let (json, text) = (Sink::default(), Sink::default());
            let subscriber = tracing_subscriber::registry()
                .with(OfIssuer::new(&Issuer::parse(issuer).unwrap()))
                .with(tracing_subscriber::fmt::layer().fmt_fields(Fields).event_format(Lines).with_writer(json.clone()))
                .with(tracing_subscriber::fmt::layer().compact().with_target(false).with_ansi(false).with_writer(text.clone()));
            let action = OperatorAction {
                id: "1".to_owned(),
                event: "key_rotated".to_owned(),
                operator: "ada".to_owned(),
                done_at: chrono::DateTime::UNIX_EPOCH,
                about: About { reason: Some("a test".to_owned()), ..About::default() },
            };
            tracing::subscriber::with_default(subscriber, || {
                events::Event::of(Step::LoginOk).user("u_ada").record();
                events::Event::of(Step::Broken).record();
                events::record_operator_action(&action);
                tracing::info!("no event");
            });
            let of: Vec<Value> = json.lines().iter_mut().map(|line| line["issuer"].take()).collect();
            assert_eq!(of, [issuer.into(), issuer.into(), issuer.into(), Value::Null]);
            let first = json.text().lines().next().unwrap().split_once(",\"level\"").unwrap().1.to_owned();
            assert_eq!(
                first,
                format!(r#":"INFO","event":"login_ok","issuer":"{issuer}","user_id":"u_ada","target":"portcullis::event"}}"#)
            );
            let first = text.text().lines().next().unwrap().split_once("INFO ").unwrap().1.to_owned();
            assert_eq!(first, format!(r#"event="login_ok" issuer="{issuer}" user_id="u_ada""#));
            assert_eq!(text.text().matches(&format!("issuer=\"{issuer}\"")).count(), 3);
        }
    }
}
