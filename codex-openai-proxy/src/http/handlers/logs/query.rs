//! The query of a URL, parameter by parameter.

use crate::{
    http::error::ErrorReply,
    traffic::{Event, RecordFilter, RequestFilter},
};
use http::Uri;
use std::str::FromStr;

/// How many there may be on a page.
pub(super) const MAX_PAGE: u32 = 1000;

/// How many there are on a page where nobody says how many.
const PAGE: u32 = 200;

/// What `status` may be.
const STATUS: &str = "ok, error, running, left, lost or an HTTP status";

/// The parameters that have not been looked at.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// All parameters of a URL.
    ///
    /// # Errors
    ///
    /// When one is there twice.
    pub(super) fn of(uri: &Uri) -> Result<Self, ErrorReply> {
        let query = uri.query().unwrap_or_default();
        let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        for (index, (name, _)) in parameters.iter().enumerate() {
            if parameters[..index].iter().any(|(other, _)| other == name) {
                let message = format!("the parameter {name:?} is there twice");
                return Err(ErrorReply::bad_parameter(name, message));
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter. An empty one counts as none.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.swap_remove(index).1).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that is not just text. `what` says what it is instead.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        name: &str,
        what: &str,
    ) -> Result<Option<T>, ErrorReply> {
        let value = self.take(name).map(|value| {
            value.parse().map_err(|_| {
                let message = format!("{name:?} has to be {what}, and not {value:?}");
                ErrorReply::bad_parameter(name, message)
            })
        });
        value.transpose()
    }

    /// Says that there was nothing else to look at.
    ///
    /// # Errors
    ///
    /// When there was.
    pub(super) fn finish(self) -> Result<(), ErrorReply> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("unknown parameter {name:?}");
                Err(ErrorReply::bad_parameter(name, message))
            }
        }
    }

    /// What of the records is asked for.
    ///
    /// # Errors
    ///
    /// When a value means nothing.
    pub(super) fn records(&mut self, most: u32) -> Result<RecordFilter, ErrorReply> {
        Ok(RecordFilter {
            limit: self.limit(most)?.unwrap_or(PAGE),
            model: self.take("model"),
            status: self.parse("status", STATUS)?,
            before: self.sequence("before")?,
            after: self.sequence("after")?,
            request: self.take("request"),
            conversation: self.take("conversation"),
            types: self.types()?,
            q: self.take("q"),
        })
    }

    /// What of the requests is asked for.
    ///
    /// # Errors
    ///
    /// When a value means nothing.
    pub(super) fn requests(&mut self) -> Result<RequestFilter, ErrorReply> {
        Ok(RequestFilter {
            limit: self.limit(MAX_PAGE)?.unwrap_or(PAGE),
            before: self.sequence("before")?,
            conversation: self.take("conversation"),
            model: self.take("model"),
            status: self.parse("status", STATUS)?,
            q: self.take("q"),
        })
    }

    /// The number of a record.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub(super) fn sequence(&mut self, name: &str) -> Result<Option<u64>, ErrorReply> {
        self.parse(name, "the number of a record")
    }

    /// How many are asked for.
    ///
    /// # Errors
    ///
    /// When that is none or more than `most`.
    pub(super) fn limit(&mut self, most: u32) -> Result<Option<u32>, ErrorReply> {
        let what = format!("a number from 1 to {most}");
        let limit = self.parse("limit", &what)?;
        match limit {
            Some(limit) if !(1..=most).contains(&limit) => {
                let message = format!("\"limit\" has to be {what}, and not {limit}");
                Err(ErrorReply::bad_parameter("limit", message))
            }
            limit => Ok(limit),
        }
    }

    fn types(&mut self) -> Result<Vec<String>, ErrorReply> {
        let types = self.take("type").unwrap_or_default();
        let types: Vec<String> = types
            .split(',')
            .map(str::trim)
            .filter(|kind| !kind.is_empty())
            .map(str::to_owned)
            .collect();
        let unknown = types
            .iter()
            .find(|kind| !Event::TYPES.contains(&kind.as_str()));
        match unknown {
            None => Ok(types),
            Some(unknown) => {
                let message = format!("no record is of the type {unknown:?}");
                Err(ErrorReply::bad_parameter("type", message))
            }
        }
    }
}
