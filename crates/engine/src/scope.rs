//! Whose tables a statement may touch: a service sees its own, and the engine's.
//!
//! Debug builds (so every test) let SQLite's authorizer look at each statement when it is first prepared. A release
//! pays nothing. A [`crate::Db`] that was not scoped, as tests and tools use it, sees everything.

use rusqlite::Connection;

#[cfg(debug_assertions)]
mod checked {
    use std::cell::Cell;

    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

    thread_local! {
        /// The service whose closure runs on this thread; empty: none, everything is allowed.
        static SCOPE: Cell<&'static str> = const { Cell::new("") };
    }

    pub(super) fn enter(service: &'static str) -> &'static str {
        SCOPE.replace(service)
    }

    pub(super) fn authorize(context: AuthContext<'_>) -> Authorization {
        let service = SCOPE.get();
        if service.is_empty() {
            return Authorization::Allow;
        }
        let allowed = match context.action {
            AuthAction::Read { table_name, .. }
            | AuthAction::Insert { table_name }
            | AuthAction::Update { table_name, .. }
            | AuthAction::Delete { table_name } => owns(service, table_name),
            AuthAction::Select | AuthAction::Function { .. } | AuthAction::Recursive => true,
            _ => false,
        };
        if allowed {
            return Authorization::Allow;
        }
        tracing::error!(service, action = ?context.action, "a service reached beyond its own tables");
        Authorization::Deny
    }

    fn owns(service: &str, table: &str) -> bool {
        let owner = table.split('_').next().unwrap_or_default();
        owner == service || owner == "engine"
    }
}

/// Watches what is prepared on this connection from now on.
pub(crate) fn install(connection: &mut Connection) -> rusqlite::Result<()> {
    #[cfg(debug_assertions)]
    connection.authorizer(Some(checked::authorize))?;
    let _ = connection;
    Ok(())
}

/// Runs `work` with the rights of `service`.
pub(crate) fn within<T>(service: &'static str, work: impl FnOnce() -> T) -> T {
    #[cfg(debug_assertions)]
    {
        /// Gives the rights back, also when `work` panics.
        struct Leave(&'static str);
        impl Drop for Leave {
            fn drop(&mut self) {
                checked::enter(self.0);
            }
        }
        let _leave = Leave(checked::enter(service));
        work()
    }
    #[cfg(not(debug_assertions))]
    {
        let _ = service;
        work()
    }
}
