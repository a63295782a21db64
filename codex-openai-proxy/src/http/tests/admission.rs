//! How much is taken in at once, and for how long.

mod bodies;
mod connections;
mod deadline;
mod faults;
mod queue;
mod rates;
mod room;

use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

/// Long enough to see that nothing happens.
const MOMENT: Duration = Duration::from_millis(50);

/// By how much clocks may differ.
const EARLY: Duration = Duration::from_millis(10);

/// Everything that comes on a connection until it ends, and how long that took.
async fn read_to_end(stream: &mut TcpStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut bytes = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut bytes));
    // A reset is an end too.
    let _ = read.await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (text, begun.elapsed())
}

/// The code of an error.
async fn code_of(response: reqwest::Response) -> Value {
    let mut body: Value = response.json().await.unwrap();
    body["error"]["code"].take()
}

/// What a service counts itself.
async fn metric(service: &Service, name: &str) -> Option<String> {
    let figures = service.get("/metrics").send().await.unwrap();
    let figures = figures.text().await.unwrap();
    let line = figures.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next().map(str::to_owned)
}
