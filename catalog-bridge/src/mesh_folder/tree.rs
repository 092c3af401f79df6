//! Everything below one folder of a mesh: at once, or else folder by folder.

use futures::TryStreamExt;
use object_store::path::Path;

use super::MeshPlace;
use super::folder::{self, Unlisted};
use super::listing::Listing;

/// How many folders of a tree are listed one by one, and how deep.
const FOLDERS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 64;

/// Lists everything below a folder. Whatever goes wrong hides only what it is about, and is noted.
pub(super) async fn tree(place: &MeshPlace, folder: Path) -> Listing {
    let mut listing = Listing::default();
    let walk = walk(place, &folder, &mut listing);
    if tokio::time::timeout(place.answer_timeout, walk).await.is_err() {
        tracing::warn!(%folder, "folder of the mesh is not listed in time");
        listing.forget_documents();
        listing.note(place, &folder, Unlisted::Slow);
    }
    listing
}

async fn walk(place: &MeshPlace, folder: &Path, listing: &mut Listing) {
    if list(place, folder, listing).await.is_ok() {
        return;
    }
    listing.forget_documents();
    let mut open = vec![(folder.clone(), 0)];
    let mut listed = 0;
    while let Some((folder, depth)) = open.pop() {
        listed += 1;
        if depth > DEPTH_MAX || listed > FOLDERS_MAX {
            listing.note(place, &folder, Unlisted::Beyond);
            return;
        }
        if let Some(why) = folder::link(place, &folder).await {
            listing.note(place, &folder, why);
            continue;
        }
        match folder::shallow(place, &folder).await {
            Ok(inside) => {
                inside.files.iter().for_each(|meta| listing.add(place, meta));
                for (folder, why) in &inside.unlisted {
                    listing.note(place, folder, *why);
                }
                open.extend(inside.folders.into_iter().map(|inner| (inner, depth + 1)));
            }
            Err(error) => {
                tracing::warn!(%folder, %error, "folder of the mesh cannot be listed");
                listing.note(place, &folder, Unlisted::Refused);
            }
        }
    }
}

/// Keeps documents and policies as they come by: a domain may hold any number of data files.
async fn list(place: &MeshPlace, folder: &Path, listing: &mut Listing) -> object_store::Result<()> {
    let mut files = place.store.list(Some(folder));
    while let Some(meta) = files.try_next().await? {
        listing.add(place, &meta);
    }
    Ok(())
}
