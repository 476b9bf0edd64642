//! Statistics: which may be asked for, and what the names and texts of the answers mean.

mod argument;
mod name;
mod value;

pub use argument::{ARGUMENT_MAX, ArgumentFault, End, check, end};
pub use name::{Name, name};
pub use value::{Value, value};
