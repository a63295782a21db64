//! Results of the client's tools, on their way to the calls that wait for them.

use codex_extension_api::{FunctionCallError, ToolOutput, ToolPayload};
use codex_protocol::models::{FunctionCallOutputPayload, ResponseInputItem};
use std::{
    collections::HashMap,
    future::pending,
    sync::{Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// Calls that wait and results that have come, by call id. Either may be there first.
#[derive(Debug, Default)]
pub struct Results(Mutex<HashMap<String, Slot>>);

#[derive(Debug)]
enum Slot {
    /// core has asked, and waits.
    Waiting(oneshot::Sender<FunctionCallOutputPayload>),
    /// The client has answered before core asked.
    There(FunctionCallOutputPayload),
}

impl Results {
    /// Hands a result to its call.
    pub fn deliver(&self, call_id: String, output: FunctionCallOutputPayload) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.remove(&call_id) {
            // Nobody waits any more where the turn was interrupted in between.
            Some(Slot::Waiting(call)) => drop(call.send(output)),
            Some(Slot::There(_)) | None => {
                slots.insert(call_id, Slot::There(output));
            }
        }
    }

    /// Waits for the result of a call.
    pub async fn wait_for(
        &self,
        call_id: String,
    ) -> Result<Box<dyn ToolOutput>, FunctionCallError> {
        let answer = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match slots.remove(&call_id) {
                Some(Slot::There(output)) => return Ok(Box::new(ClientOutput(output))),
                Some(Slot::Waiting(_)) | None => {
                    let (call, answer) = oneshot::channel();
                    slots.insert(call_id, Slot::Waiting(call));
                    answer
                }
            }
        };
        match answer.await {
            Ok(output) => Ok(Box::new(ClientOutput(output))),
            // The model has called twice under one id; whoever reads its reply ends the turn.
            Err(_) => pending().await,
        }
    }
}

/// A result as the client sent it.
struct ClientOutput(FunctionCallOutputPayload);

impl ToolOutput for ClientOutput {
    /// Results are the client's business and in no log.
    fn log_preview(&self) -> String {
        String::new()
    }

    fn success_for_logging(&self) -> bool {
        true
    }

    fn to_response_item(&self, call_id: &str, _payload: &ToolPayload) -> ResponseInputItem {
        ResponseInputItem::FunctionCallOutput {
            call_id: call_id.to_owned(),
            output: self.0.clone(),
        }
    }
}
