//! What is written.

use super::{Store, folded, to_sql};
use crate::{
    traffic::{
        channel::{Body, BodyKind},
        record::{Event, Record},
        redact,
        summary::Summary,
        words,
    },
    turn::ConversationId,
};
use sqlx::{QueryBuilder, Sqlite, Transaction};
use std::{collections::HashSet, io, iter, sync::Arc};
use zstd::{bulk::Compressor, zstd_safe::MAGICNUMBER};

/// How hard to compress bodies. More costs more time than it saves space.
const ZSTD_LEVEL: i32 = 3;

/// The shortest text that is compressed, in bytes. Of a shorter one little would be saved, for more work than
/// to mask and write it.
const SHORTEST_PACKED: usize = 512;

/// A record, and itself as JSON.
#[derive(Debug, Clone)]
pub(in crate::traffic) struct Line {
    /// What happened.
    pub(in crate::traffic) record: Arc<Record>,
    /// The same.
    pub(in crate::traffic) json: Arc<str>,
}

/// A body in the form in which it is kept.
#[derive(Debug)]
pub(in crate::traffic) struct PackedBody {
    request: Arc<str>,
    kind: BodyKind,
    size: usize,
    form: &'static str,
    truncated: bool,
    /// See [`unpack`].
    data: Vec<u8>,
}

impl Line {
    /// A record as it is kept and sent.
    pub(in crate::traffic) fn new(record: Arc<Record>) -> serde_json::Result<Self> {
        let json = serde_json::to_string(&*record)?.into();
        Ok(Self { record, json })
    }
}

impl PackedBody {
    /// About how much room it takes, in bytes.
    pub(in crate::traffic) fn room(&self) -> u64 {
        self.data.len() as u64 + 128
    }
}

/// Makes of bodies what is kept of them, and leaves out those that cannot be. Takes its time where they are
/// long.
pub(in crate::traffic) fn pack(bodies: Vec<Body>) -> Vec<PackedBody> {
    // What it works with takes longer to set up than most bodies to compress.
    let Ok(mut compressor) = Compressor::new(ZSTD_LEVEL) else {
        return Vec::new();
    };
    let packed = bodies
        .into_iter()
        .map(|body| pack_one(body, &mut compressor));
    packed.filter_map(Result::ok).collect()
}

fn pack_one(body: Body, compressor: &mut Compressor<'_>) -> io::Result<PackedBody> {
    let kept = redact::body(body.kind, &body.bytes, body.how);
    let is_short = kept.text.len() < SHORTEST_PACKED;
    Ok(PackedBody {
        data: if is_short {
            kept.text.into_bytes()
        } else {
            compressor.compress(kept.text.as_bytes())?
        },
        size: body.bytes.len(),
        form: kept.form.as_str(),
        truncated: kept.truncated,
        kind: body.kind,
        request: body.request,
    })
}

/// The text of a body that was packed; `None` where it is damaged. It is known by its first bytes whether it
/// was compressed: those of a frame of zstd are not UTF-8.
pub(super) fn unpack(data: Vec<u8>) -> Option<String> {
    let text = if data.starts_with(&MAGICNUMBER.to_le_bytes()) {
        zstd::stream::decode_all(data.as_slice()).ok()?
    } else {
        data
    };
    String::from_utf8(text).ok()
}

impl Store {
    /// Writes records, and what they have changed, in one go. Tells about how much room that takes,
    /// in bytes.
    pub(in crate::traffic) async fn write(
        &self,
        lines: &[Line],
        changed: &[(&Summary, &Arc<str>)],
    ) -> sqlx::Result<u64> {
        // Only what brought results can answer calls, and that takes a search.
        let idle: HashSet<&str> = changed
            .iter()
            .filter(|(summary, _)| summary.results == 0)
            .map(|(summary, _)| summary.id.as_str())
            .collect();
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let mut room = 0;
        for lines in handfuls(lines) {
            room += write_lines(&mut transaction, lines).await?;
        }
        for Line { record, .. } in lines {
            if let Some(request) = &record.request {
                write_call(&mut transaction, record, request, &idle).await?;
            }
        }
        for changed in handfuls(changed) {
            room += write_summaries(&mut transaction, changed).await?;
        }
        transaction.commit().await?;
        Ok(room)
    }

    /// Writes bodies. `seq` is the number of a record of about the same time.
    pub(in crate::traffic) async fn write_bodies(
        &self,
        bodies: &[PackedBody],
        seq: u64,
    ) -> sqlx::Result<()> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for bodies in handfuls(bodies) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT OR REPLACE INTO bodies (request, kind, seq, size, form, truncated, data) ",
            );
            query.push_values(bodies, |mut row, body| {
                row.push_bind(Arc::clone(&body.request))
                    .push_bind(body.kind.as_str())
                    .push_bind(to_sql(seq))
                    .push_bind(to_sql(body.size as u64))
                    .push_bind(body.form)
                    .push_bind(body.truncated)
                    .push_bind(body.data.as_slice());
            });
            query.build().execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

/// Some of many rows, as many at once as there are statements for: each is prepared once, and each is a
/// way to the database's thread and back.
fn handfuls<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    const SIZES: [usize; 4] = [64, 16, 4, 1];
    iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (now, rest) = rows.split_at(size);
        rows = rest;
        Some(now)
    })
}

async fn write_lines(
    transaction: &mut Transaction<'_, Sqlite>,
    lines: &[Line],
) -> sqlx::Result<u64> {
    let mut room = 0;
    // One that was published before the numbers of the last process were known is in the way of that
    // one's, and older than this process' log.
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT OR IGNORE INTO records (seq, time, type, request, conversation, text, json) ",
    );
    query.push_values(lines, |mut row, Line { record, json }| {
        let text = folded(&words::of_record(record));
        room += json.len() + text.len() + 128;
        row.push_bind(to_sql(record.seq))
            .push_bind(to_sql(record.time.0))
            .push_bind(record.event.kind())
            .push_bind(record.request.clone())
            .push_bind(conversation(record))
            .push_bind(text)
            .push_bind(Arc::clone(json));
    });
    query.build().execute(&mut **transaction).await?;
    Ok(room as u64)
}

/// Notes that a tool call went out, or that its result came. The requests in `idle` brought none.
async fn write_call(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &Record,
    request: &Arc<str>,
    idle: &HashSet<&str>,
) -> sqlx::Result<()> {
    let query = match &record.event {
        Event::ToolCallForwarded { name, call_id, .. } => sqlx::query(
            "INSERT INTO tool_calls (request, seq, conversation, call_id, name, forwarded)
                VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(Arc::clone(request))
        .bind(to_sql(record.seq))
        .bind(conversation(record))
        .bind(call_id)
        .bind(name)
        .bind(to_sql(record.time.0)),
        // Results come before it is known which conversation they belong to. Where nobody finds
        // out, there must be one call alone that waits. Clients reuse ids, and send old results again
        // with each history.
        Event::ToolResultReceived { .. } if record.conversation.is_some() => {
            answer(transaction, record, request).await?;
            return Ok(());
        }
        Event::CodexForward { .. } | Event::UpstreamForward { .. }
            if !idle.contains(&**request) =>
        {
            answer(transaction, record, request).await?;
            return Ok(());
        }
        _ => return Ok(()),
    };
    query.execute(&mut **transaction).await?;
    Ok(())
}

/// Notes which calls the results answer that a request has brought until now: of each id the newest
/// in the conversation, or the only one where the conversation is not known.
async fn answer(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &Record,
    request: &Arc<str>,
) -> sqlx::Result<()> {
    sqlx::query(
        "WITH results AS (
            SELECT json_extract(json, '$.call_id') AS call_id, min(time) AS time FROM records
                WHERE request = ?1 AND type = 'tool_result_received' AND json_valid(json)
                GROUP BY 1
        ), waiting AS (
            SELECT max(calls.rowid) AS call, results.time FROM tool_calls AS calls
                JOIN results ON calls.call_id = results.call_id
                WHERE calls.answered IS NULL AND calls.request <> ?1
                    AND (?2 IS NULL OR calls.conversation IS NULL OR calls.conversation = ?2)
                    AND NOT EXISTS (SELECT 1 FROM tool_calls AS other
                        WHERE other.answered_by = ?1 AND other.call_id = calls.call_id)
                GROUP BY calls.call_id
                HAVING ?2 IS NOT NULL OR count(*) = 1
        )
        UPDATE tool_calls SET answered = waiting.time, answered_by = ?1
            FROM waiting WHERE tool_calls.rowid = waiting.call",
    )
    .bind(Arc::clone(request))
    .bind(conversation(record))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn write_summaries(
    transaction: &mut Transaction<'_, Sqlite>,
    changed: &[(&Summary, &Arc<str>)],
) -> sqlx::Result<u64> {
    let mut room = 0;
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO requests
            (id, seq, updated, client_id, conversation, models, state, status, text, json) ",
    );
    query.push_values(changed, |mut row, (summary, json)| {
        let text = folded(&words::of_summary(summary));
        let models = [&summary.model, &summary.mapped_model];
        let models: Vec<&str> = models.into_iter().flatten().map(String::as_str).collect();
        room += json.len() + text.len() + 256;
        row.push_bind(&summary.id)
            .push_bind(to_sql(summary.seq))
            .push_bind(to_sql(summary.updated))
            .push_bind(summary.client_id.as_deref())
            .push_bind(summary.conversation.as_deref())
            .push_bind(folded(&models.join("\n")))
            .push_bind(summary.state.as_str())
            .push_bind(summary.status.map(i64::from))
            .push_bind(text)
            .push_bind(Arc::clone(json));
    });
    query.push(
        " ON CONFLICT (id) DO UPDATE SET
            updated = excluded.updated,
            client_id = excluded.client_id,
            conversation = excluded.conversation,
            models = excluded.models,
            state = excluded.state,
            status = excluded.status,
            text = excluded.text,
            json = excluded.json",
    );
    query.build().execute(&mut **transaction).await?;
    Ok(room as u64)
}

fn conversation(record: &Record) -> Option<&str> {
    record.conversation.as_ref().map(ConversationId::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::KeptBodies, traffic::channel};

    #[tokio::test]
    async fn short_and_long_bodies_come_back_as_they_were() {
        let (channel, mut inbox) = channel::channel(KeptBodies::Full);
        let log = channel.request("r1".into());
        let texts = ["", "(short)", &"long ".repeat(200)].map(str::to_owned);
        for text in &texts {
            log.body(BodyKind::Reply, text.clone().into());
        }
        let mut entries = Vec::new();
        inbox.next(&mut entries, texts.len()).await;
        let bodies = entries.into_iter().map(|entry| match entry {
            channel::Entry::Body(body) => body,
            channel::Entry::Record(record) => panic!("{record:?}"),
        });
        let packed = pack(bodies.collect());
        assert!(packed[2].data.len() < 100, "it is compressed");
        let unpacked = packed.into_iter().map(|body| unpack(body.data));
        assert!(unpacked.eq(texts.map(Some)));
    }

    #[test]
    fn what_is_damaged_is_no_body() {
        assert_eq!(unpack(b"\xff".to_vec()), None);
        let mut cut = zstd::encode_all("text ".repeat(200).as_bytes(), 3).unwrap();
        cut.truncate(cut.len() / 2);
        assert_eq!(unpack(cut), None);
    }
}
