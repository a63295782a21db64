//! What is read.

use super::{LogError, Store, folded, from_sql, to_sql, write};
use crate::traffic::{
    channel::BodyKind,
    query::{Detail, Page, RecordFilter, RequestFilter, StatusFilter, StoredBody, ToolCall},
    record::Timestamp,
    summary::Summary,
};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

/// A body as the database holds it.
struct Packed {
    body: StoredBody,
    data: Vec<u8>,
}

impl Store {
    /// The records that fit, newest first.
    pub(in crate::traffic) async fn records(
        &self,
        filter: &RecordFilter,
    ) -> Result<Page, LogError> {
        let mut query = QueryBuilder::new("SELECT json FROM records WHERE true");
        only_records(&mut query, filter);
        query.push(" ORDER BY seq DESC LIMIT ");
        self.page(query, filter.limit).await
    }

    /// The requests that records which fit belong to, newest first.
    pub(in crate::traffic) async fn request_ids(
        &self,
        filter: &RecordFilter,
    ) -> Result<Vec<String>, LogError> {
        let mut query = QueryBuilder::new("SELECT request FROM records WHERE request IS NOT NULL");
        only_records(&mut query, filter);
        query.push(" GROUP BY request ORDER BY max(seq) DESC LIMIT ");
        query.push_bind(i64::from(filter.limit));
        let ids = query.build_query_scalar().fetch_all(&self.pool).await?;
        Ok(ids)
    }

    /// The requests that fit, newest first.
    pub(in crate::traffic) async fn requests(
        &self,
        filter: &RequestFilter,
    ) -> Result<Page, LogError> {
        let mut query = QueryBuilder::new("SELECT json FROM requests WHERE true");
        only_requests(&mut query, filter);
        query.push(" ORDER BY seq DESC LIMIT ");
        self.page(query, filter.limit).await
    }

    /// The requests that changed behind the record with this number, in that order.
    pub(in crate::traffic) async fn changed(&self, after: u64) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar("SELECT json FROM requests WHERE updated > ? ORDER BY updated")
            .bind(to_sql(after))
            .fetch_all(&self.writer)
            .await
    }

    /// A request in short.
    pub(in crate::traffic) async fn summary(&self, id: &str) -> Result<Option<Summary>, LogError> {
        let json: Option<String> = sqlx::query_scalar("SELECT json FROM requests WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.writer)
            .await?;
        json.as_deref().map(summary).transpose()
    }

    /// Our id of a request, by itself or by its client's. Of several with one id of a client's, the
    /// newest.
    pub(in crate::traffic) async fn id_of(&self, id: &str) -> Result<Option<String>, LogError> {
        let id = sqlx::query_scalar(
            "SELECT id FROM requests WHERE id = ?1 OR client_id = ?1
                ORDER BY id = ?1 DESC, seq DESC LIMIT 1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(id)
    }

    /// All of a request, by our id.
    pub(in crate::traffic) async fn detail(&self, id: &str) -> Result<Option<Detail>, LogError> {
        // One view of all tables.
        let mut transaction = self.pool.begin().await?;
        let json: Option<String> = sqlx::query_scalar("SELECT json FROM requests WHERE id = ?")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(json) = json else {
            return Ok(None);
        };
        let request = summary(&json)?;
        let records = sqlx::query_scalar("SELECT json FROM records WHERE request = ? ORDER BY seq")
            .bind(&request.id)
            .fetch_all(&mut *transaction)
            .await?;
        let tool_calls = tool_calls(&mut transaction, &request.id).await?;
        let packed = packed_bodies(&mut transaction, &request.id).await?;
        transaction.rollback().await?;
        let unpacked = tokio::task::spawn_blocking(|| unpack(packed)).await;
        Ok(Some(Detail {
            request,
            records,
            bodies: unpacked.map_err(|_| LogError::Closed)??,
            tool_calls,
        }))
    }

    /// Asks for one more than the limit lets through, to learn whether there are more.
    async fn page(&self, mut query: QueryBuilder<Sqlite>, limit: u32) -> Result<Page, LogError> {
        query.push_bind(i64::from(limit) + 1);
        let mut items: Vec<String> = query.build_query_scalar().fetch_all(&self.pool).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(Page { items, more })
    }
}

fn only_records(query: &mut QueryBuilder<Sqlite>, filter: &RecordFilter) {
    if let Some(before) = filter.before {
        query.push(" AND seq < ").push_bind(to_sql(before));
    }
    if let Some(after) = filter.after {
        query.push(" AND seq > ").push_bind(to_sql(after));
    }
    if let Some(request) = &filter.request {
        query.push(" AND request = ").push_bind(request.clone());
    }
    if let Some(conversation) = &filter.conversation {
        // A request may come before anybody knows its conversation.
        query
            .push(" AND (conversation = ")
            .push_bind(conversation.clone())
            .push(" OR request IN (SELECT id FROM requests WHERE conversation = ")
            .push_bind(conversation.clone())
            .push("))");
    }
    if !filter.types.is_empty() {
        query.push(" AND type IN (");
        let mut types = query.separated(", ");
        for word in &filter.types {
            types.push_bind(word.clone());
        }
        query.push(")");
    }
    if filter.status.is_some() || filter.model.is_some() {
        query.push(" AND request IN (SELECT id FROM requests WHERE TRUE");
        ended(query, filter.status);
        contains(query, "models", filter.model.as_deref());
        query.push(")");
    }
    contains(query, "text", filter.q.as_deref());
}

fn only_requests(query: &mut QueryBuilder<Sqlite>, filter: &RequestFilter) {
    if let Some(before) = filter.before {
        query.push(" AND seq < ").push_bind(to_sql(before));
    }
    if let Some(conversation) = &filter.conversation {
        query
            .push(" AND conversation = ")
            .push_bind(conversation.clone());
    }
    ended(query, filter.status);
    contains(query, "models", filter.model.as_deref());
    contains(query, "text", filter.q.as_deref());
}

fn ended(query: &mut QueryBuilder<Sqlite>, status: Option<StatusFilter>) {
    match status {
        None => {}
        Some(StatusFilter::Ok) => {
            query.push(" AND state = 'done'");
        }
        Some(StatusFilter::Error) => {
            query.push(" AND state IN ('failed', 'lost')");
        }
        Some(StatusFilter::Running) => {
            query.push(" AND state = 'running'");
        }
        Some(StatusFilter::Left) => {
            query.push(" AND state = 'left'");
        }
        Some(StatusFilter::Lost) => {
            query.push(" AND state = 'lost'");
        }
        Some(StatusFilter::Code(code)) => {
            query.push(" AND status = ").push_bind(i64::from(code));
        }
    }
}

fn contains(query: &mut QueryBuilder<Sqlite>, column: &'static str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        query.push(format_args!(" AND instr({column}, "));
        query.push_bind(folded(text)).push(") > 0");
    }
}

fn summary(json: &str) -> Result<Summary, LogError> {
    serde_json::from_str(json).map_err(|_| LogError::Damaged("a request"))
}

async fn tool_calls(
    connection: &mut SqliteConnection,
    request: &str,
) -> Result<Vec<ToolCall>, LogError> {
    let rows = sqlx::query(
        "SELECT request, call_id, name, forwarded, answered, answered_by FROM tool_calls
            WHERE request = ?1 OR answered_by = ?1 ORDER BY rowid",
    )
    .bind(request)
    .fetch_all(connection)
    .await?;
    rows.iter().map(tool_call).collect()
}

fn tool_call(row: &SqliteRow) -> Result<ToolCall, LogError> {
    let answered: Option<i64> = row.try_get("answered")?;
    Ok(ToolCall {
        call_id: row.try_get("call_id")?,
        name: row.try_get("name")?,
        request: row.try_get("request")?,
        forwarded: Timestamp(from_sql(row.try_get("forwarded")?)),
        answered: answered.map(|time| Timestamp(from_sql(time))),
        answered_by: row.try_get("answered_by")?,
    })
}

async fn packed_bodies(
    connection: &mut SqliteConnection,
    request: &str,
) -> Result<Vec<Packed>, LogError> {
    let rows =
        sqlx::query("SELECT kind, size, form, truncated, data FROM bodies WHERE request = ?")
            .bind(request)
            .fetch_all(connection)
            .await?;
    let mut bodies: Vec<Packed> = rows.iter().map(packed_body).collect::<Result<_, _>>()?;
    bodies.sort_by_key(|packed| {
        BodyKind::ALL
            .iter()
            .position(|kind| *kind == packed.body.kind)
    });
    Ok(bodies)
}

fn packed_body(row: &SqliteRow) -> Result<Packed, LogError> {
    let word: &str = row.try_get("kind")?;
    let kind = BodyKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    Ok(Packed {
        body: StoredBody {
            kind: kind.ok_or(LogError::Damaged("a body's kind"))?,
            size: from_sql(row.try_get("size")?),
            form: row.try_get("form")?,
            text: String::new(),
            truncated: row.try_get("truncated")?,
        },
        data: row.try_get("data")?,
    })
}

fn unpack(packed: Vec<Packed>) -> Result<Vec<StoredBody>, LogError> {
    let unpack = |Packed { body, data }| {
        let text = write::unpack(data)?;
        Some(StoredBody { text, ..body })
    };
    let bodies: Option<_> = packed.into_iter().map(unpack).collect();
    bodies.ok_or(LogError::Damaged("a body"))
}
