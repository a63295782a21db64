//! `x_codex`: what clients may say to this proxy and to nobody else, in requests of both APIs.

use super::{dropped::Dropped, invalid, object::Field};
use crate::turn::TurnError;

/// The name of the field.
pub const X_CODEX: &str = "x_codex";

/// The one sandbox that there is: nothing runs here.
const READ_ONLY: &str = "read-only";

/// The sandboxes that Codex has besides.
const OTHERS: [&str; 2] = ["workspace-write", "danger-full-access"];

/// What it may hold. A sandbox and network access may be named too, as long as they are those that every
/// turn has: what a turn may do would be decided here, had it more than one mode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XCodex {
    /// How hard to think, before what the fields of the APIs say. A word that [`Effort`] knows, or not.
    ///
    /// [`Effort`]: crate::turn::Effort
    pub reasoning_effort: Option<String>,
}

impl XCodex {
    /// Reads the field.
    ///
    /// # Errors
    ///
    /// [`TurnError::NotAllowed`] where it asks for more than reading; [`TurnError::InvalidRequest`] for
    /// values of a wrong type, and words that mean nothing.
    pub(super) fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let param = object.path_to("sandbox");
        match object.string("sandbox")?.as_deref() {
            None | Some(READ_ONLY) => {}
            Some(other) if OTHERS.contains(&other) => {
                return Err(not_allowed(
                    param,
                    format!(
                        "The sandbox '{other}' is not allowed: this proxy only forwards, and runs \
                         nothing on its server. The one sandbox is '{READ_ONLY}'."
                    ),
                ));
            }
            Some(other) => {
                let [first, second] = OTHERS;
                return Err(invalid::word(param, other, &[READ_ONLY, first, second]));
            }
        }
        let param = object.path_to("network_access");
        if object.boolean("network_access")? == Some(true) {
            let message = "Network access is not allowed: this proxy only forwards, and runs nothing \
                           on its server that could use it.";
            return Err(not_allowed(param, message.to_owned()));
        }
        let reasoning_effort = object.string("reasoning_effort")?;
        object.finish(dropped);
        Ok(Self { reasoning_effort })
    }
}

fn not_allowed(param: String, message: String) -> TurnError {
    TurnError::NotAllowed { message, param }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<(XCodex, Vec<String>), TurnError> {
        let mut dropped = Dropped::default();
        let field = Field {
            path: X_CODEX.to_owned(),
            value,
        };
        let read = XCodex::read(field, &mut dropped)?;
        Ok((read, dropped.into_names()))
    }

    #[test]
    fn what_every_turn_is_may_be_asked_for() {
        let (read, dropped) = read(json!({
            "reasoning_effort": "high",
            "sandbox": "read-only",
            "network_access": false,
            "agent": true,
        }))
        .unwrap();
        assert_eq!(read.reasoning_effort.as_deref(), Some("high"));
        assert_eq!(dropped, ["x_codex.agent"]);
    }

    #[test]
    fn more_is_not_allowed_and_nonsense_is_invalid() {
        for (value, expected) in [
            (json!({"sandbox": "workspace-write"}), "x_codex.sandbox"),
            (json!({"sandbox": "danger-full-access"}), "x_codex.sandbox"),
            (json!({"network_access": true}), "x_codex.network_access"),
        ] {
            match read(value).unwrap_err() {
                TurnError::NotAllowed { param, .. } => assert_eq!(param, expected),
                other => panic!("{other:?}"),
            }
        }
        for (value, expected) in [
            (json!({"sandbox": "none"}), "x_codex.sandbox"),
            (json!({"sandbox": 1}), "x_codex.sandbox"),
            (json!({"network_access": "no"}), "x_codex.network_access"),
            (json!({"reasoning_effort": 3}), "x_codex.reasoning_effort"),
            (json!("read-only"), "x_codex"),
        ] {
            match read(value).unwrap_err() {
                TurnError::InvalidRequest { param, .. } => {
                    assert_eq!(param.as_deref(), Some(expected));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
