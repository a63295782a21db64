//! What `/logs` tells of requests and conversations, and whom.

mod access;
mod bodies;
mod calls;
mod conversations;
mod ends;
mod exchanges;
mod export;
mod filters;
mod leaving;
mod limits;
mod live;
mod restart;
mod secrets;
mod slow;
