//! The object stores: the one place that knows where bytes lie, who may fetch them and with what.
//!
//! ```text
//! location ──AllowList──▶ allowed ──StoreOptions, Credentials──▶ StoreHandle + path = Place
//! ```
//!
//! Nothing else in Samite opens a store. A scan names its store by `samite://<id>`, a URL that says
//! nothing about the place or its credentials and that only [`Stores`] can turn back into a store.

mod answer;
mod config;
mod credentials;
mod footers;
mod fresh;
mod guarded;
mod io_threads;
mod key;
mod local;
mod location;
mod locations;
mod pace;
mod reading;
mod refusals;
mod registry;
mod remote;
mod shown;
mod speed;
mod transport;
mod trusted;
mod unreadable;
mod whole_files;

pub use config::{StoreOptions, StoresConfig};
pub use credentials::{Credentials, Secret};
pub use key::StoreId;
pub(crate) use location::location_of;
pub use location::{Location, Scheme};
pub(crate) use reading::AheadMemory;
pub use registry::{Place, StoreHandle, Stores};
pub(crate) use shown::{shown, shown_name};
pub(crate) use trusted::trusted;
pub use unreadable::unreadable;
