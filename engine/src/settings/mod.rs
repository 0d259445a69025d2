//! Settings: declared once in [`table`], checked when they are set, complete before start.

mod checked;
mod dispatch_mode;
pub mod table;

pub use checked::{Settings, Sizes};
pub use dispatch_mode::DispatchMode;
pub use table::{Kind, Row, Scope, Value};
