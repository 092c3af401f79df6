//! A value whose type other crates' compilers need not look into.
//!
//! A plan, a session state and a syntax tree are made of types that hold each other. To prove that
//! they may move between threads takes a compiler seconds, and it does so again in each asynchronous
//! function that holds one. Behind a trait object the proof is done once, here.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;

/// A value whose type other crates' compilers need not look into. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Sealed<T: 'static>(Arc<dyn Holds<T>>);

trait Holds<T>: Debug + Send + Sync {
    fn held(&self) -> &T;
}

#[derive(Debug)]
struct Held<T>(T);

impl<T: Debug + Send + Sync> Holds<T> for Held<T> {
    fn held(&self) -> &T {
        &self.0
    }
}

impl<T: Debug + Send + Sync> Sealed<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Held(value)))
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.held()
    }
}
