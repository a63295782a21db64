//! The program: environment, runtime, exit code. The rest is in the library.

use clap::Parser;
use codex_openai_proxy::cli::{self, Cli};
use std::{
    io::{self, Write},
    process::ExitCode,
};
#[cfg(not(target_env = "msvc"))]
use tikv_jemallocator::Jemalloc;
use tokio::runtime;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Memory that is not needed any more goes back to the system after a second, and not after ten: streams
/// that begin one after another do not need what each other's beginning took.
// SAFETY: the type and the name are those that jemalloc declares, and nothing else has that name.
#[cfg(not(target_env = "msvc"))]
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_SETTINGS: &[u8; 20] = b"dirty_decay_ms:1000\0";

/// What codex-core's futures need; on smaller stacks a debug build of it overflows.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Variables that send codex-core's login, or a trace of everything said, somewhere else; and a
/// login that codex-core would give to any provider.
const DANGEROUS_VARIABLES: [&str; 6] = [
    "CODEX_ACCESS_TOKEN",
    "CODEX_APP_SERVER_LOGIN_CLIENT_ID",
    "CODEX_AUTHAPI_BASE_URL",
    "CODEX_REFRESH_TOKEN_URL_OVERRIDE",
    "CODEX_REVOKE_TOKEN_URL_OVERRIDE",
    "CODEX_ROLLOUT_TRACE_ROOT",
];

fn main() -> ExitCode {
    for name in DANGEROUS_VARIABLES {
        // SAFETY: no other thread exists yet, so none can be reading the environment.
        #[allow(unsafe_code)]
        unsafe {
            std::env::remove_var(name);
        }
    }
    let cli = Cli::parse();
    let runtime = runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    // In a task of its own, because the main thread's stack is the system's affair.
    let done = runtime.block_on(async { tokio::spawn(cli::run(cli)).await });
    // Does not wait for calls that block, such as a slow name lookup.
    runtime.shutdown_background();
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error, error.exit_code()),
        Err(error) => fail(&error, ExitCode::FAILURE),
    }
}

fn fail(error: &dyn std::error::Error, code: ExitCode) -> ExitCode {
    // A closed standard error leaves only the code to tell.
    let _ = writeln!(io::stderr(), "error: {error}");
    code
}
