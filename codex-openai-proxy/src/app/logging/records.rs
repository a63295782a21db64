//! How records of the log channel look among the lines of the log: as they are, in one of the two
//! forms in which the channel hands them over.

use crate::traffic::{lines::TARGET, redact};
use std::fmt::{self, Debug};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Formats records, and leaves all other events to `others`, but for what is secret in them.
pub struct Records<F> {
    form: Form,
    others: F,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

impl<F> Records<F> {
    /// As a time, a level, a type and `name=value` pairs.
    pub fn as_text(others: F) -> Self {
        let form = Form::Text;
        Self { form, others }
    }

    /// As the JSON object that `/logs/api/records` gives.
    pub fn as_json(others: F) -> Self {
        let form = Form::Json;
        Self { form, others }
    }
}

impl<S, N, F> FormatEvent<S, N> for Records<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != TARGET {
            // Others may say what clients have sent, such as the name of a model.
            let mut line = String::new();
            let written = self
                .others
                .format_event(context, Writer::new(&mut line), event);
            written?;
            return writer.write_str(&redact::text(&line));
        }
        let field = match self.form {
            Form::Json => "json",
            Form::Text => "text",
        };
        let mut one = One {
            field,
            writer: &mut writer,
            written: Ok(()),
        };
        event.record(&mut one);
        one.written?;
        writer.write_char('\n')
    }
}

/// Writes one field of an event.
struct One<'a, 'w> {
    field: &'static str,
    writer: &'a mut Writer<'w>,
    written: fmt::Result,
}

impl Visit for One<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == self.field {
            self.written = self.writer.write_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == self.field {
            self.written = write!(self.writer, "{value:?}");
        }
    }
}
