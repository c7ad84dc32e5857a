//! The pages of operators: sheets of facts, tables and lists; forms that act; running operations.

mod chart;
mod exit;
mod form;
mod map;
mod operation;
mod printed;
mod sheet;

pub use chart::{Chart, HEIGHT, Line, WIDTH};
pub use exit::Exit;
pub use form::{Choice, Field, Form, Kind, Note};
pub use map::{MAP_WIDTH, Map, MapBox, MapCell, MapMove};
pub use operation::{Operation, Step};
pub use printed::Printed;
pub use sheet::{Body, Button, Cell, Figure, Filter, Group, Item, Section, Sheet, Table, Tone};
