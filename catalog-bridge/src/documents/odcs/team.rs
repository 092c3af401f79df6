//! `team`, `roles` and `support` of a contract: people and how to reach them.

use super::shared::{custom_properties, definitions, id};
use crate::documents::shape::{List, Part, Shape, list, text, texts};

pub(super) static TEAM: Part = Part::new(
    "team",
    &[
        id(),
        text("name"),
        text("description"),
        list("members", &MEMBERS),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
);

pub(super) static MEMBERS: List = List::of(Shape::Part(&Part::new(
    "team member",
    &[
        id(),
        text("username").required(),
        text("name"),
        text("description"),
        text("role"),
        text("dateIn"),
        text("dateOut"),
        text("replacedByUsername"),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
)));

pub(super) static ROLES: List = List::of(Shape::Part(&Part::new(
    "role",
    &[
        id(),
        text("role").required(),
        text("description"),
        text("access"),
        text("firstLevelApprovers"),
        text("secondLevelApprovers"),
        custom_properties(),
    ],
)));

pub(super) static SUPPORT: List = List::of(Shape::Part(&Part::new(
    "support channel",
    &[
        id(),
        text("channel").required(),
        text("url"),
        text("description"),
        text("tool"),
        text("scope"),
        text("invitationUrl"),
        custom_properties(),
    ],
)));
