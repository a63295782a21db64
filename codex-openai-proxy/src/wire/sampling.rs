//! How tokens are chosen, as both APIs have it.

use super::{dropped::Dropped, invalid, object::Field};
use crate::turn::{Sampling, TurnError};
use serde_json::Value;

/// Reads a field into `sampling`, or gives it back where it is none of these. It counts as dropped:
/// whoever has a use for it upstream says so.
pub(super) fn read(
    sampling: &mut Sampling,
    field: Field,
    dropped: &mut Dropped,
) -> Result<Option<Field>, TurnError> {
    let name = field.path.clone();
    match name.as_str() {
        "temperature" => sampling.temperature = Some(number(field)?),
        "top_p" => sampling.top_p = Some(number(field)?),
        "presence_penalty" => sampling.presence_penalty = Some(number(field)?),
        "frequency_penalty" => sampling.frequency_penalty = Some(number(field)?),
        // The last of them in the body counts, as with a field that stands there twice.
        "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
            sampling.max_output_tokens = Some(count(field)?);
        }
        "seed" => {
            let Some(seed) = field.value.as_i64() else {
                return Err(invalid::wrong_type(field.path, "an integer", &field.value));
            };
            sampling.seed = Some(seed);
        }
        "stop" => sampling.stop = stop(field)?,
        _ => return Ok(Some(field)),
    }
    dropped.note(name);
    Ok(None)
}

fn number(field: Field) -> Result<f64, TurnError> {
    let number = field.value.as_f64();
    number.ok_or_else(|| invalid::wrong_type(field.path, "a number", &field.value))
}

fn count(field: Field) -> Result<u64, TurnError> {
    let count = field.value.as_u64();
    count.ok_or_else(|| invalid::wrong_type(field.path, "a whole number", &field.value))
}

/// A string or a list of them.
fn stop(field: Field) -> Result<Vec<String>, TurnError> {
    match field.value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(_) => field.array()?.map(Field::string).collect(),
        other => Err(invalid::wrong_type(
            field.path,
            "a string or an array of strings",
            &other,
        )),
    }
}
