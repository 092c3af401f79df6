//! What a policy says of itself: actions, scope, what it mentions, and whether the rows that it
//! decides on can be found by a row filter.
//!
//! Everything is read from the syntax tree, never from the text.

use std::collections::BTreeSet;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Effect, EntityOrSlot, EntityType, EntityUID, Expr, Literal,
    PrincipalConstraint, ResourceConstraint, Template, UnaryOp, Var,
};

use super::vocabulary::{NAMESPACE, Verb};

/// The deepest condition that is read.
const DEPTH_MAX: usize = 300;

/// Which resources a policy is about, as its scope says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// The type of the resource, without the namespace.
    pub(super) kind: Option<String>,
    /// What the resource is, or lies in: type and id.
    pub(super) within: Option<(String, String)>,
    /// True if the resource is that thing itself.
    pub(super) is_exact: bool,
}

/// What a policy says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Syntax {
    pub(super) is_permit: bool,
    /// The actions that it may be about.
    pub(super) verbs: BTreeSet<Verb>,
    /// True if it names its actions.
    pub(super) names_verbs: bool,
    pub(super) scope: Scope,
    /// True if it has neither a condition nor a principal.
    pub(super) is_unconditional: bool,
    /// The things that it names: type and id.
    pub(super) things: BTreeSet<(String, String)>,
    /// The types that it names, without the namespace.
    pub(super) kinds: BTreeSet<String>,
    /// The attributes that it asks for, of whatever.
    pub(super) attributes: BTreeSet<String>,
    /// Why no row filter can be made of it, where that is so.
    pub(super) no_filter: Option<&'static str>,
}

/// Reads a policy's tree.
///
/// # Errors
///
/// When it is too deep, for a person.
pub(super) fn read(policy: &Template) -> Result<Syntax, &'static str> {
    let mut syntax = Syntax {
        is_permit: policy.effect == Effect::Permit,
        is_unconditional: policy.clauses().is_empty()
            && policy.principal == PrincipalConstraint::Any,
        ..Syntax::default()
    };
    syntax.action(&policy.action);
    syntax.principal(&policy.principal);
    syntax.resource(&policy.resource);
    for clause in policy.clauses() {
        let (Clause::When(condition) | Clause::Unless(condition)) = clause;
        syntax.mentions(condition)?;
        if syntax.no_filter.is_none() {
            syntax.no_filter = filterable(condition).err();
        }
    }
    if syntax.scope.is_exact && syntax.scope.is_of_rows() {
        syntax.no_filter = Some("a row has no id");
    }
    Ok(syntax)
}

impl Scope {
    /// True if it is about rows of a named type.
    pub(super) fn is_of_rows(&self) -> bool {
        let is_row = |kind: &String| is_row_type(kind);
        self.kind.as_ref().is_some_and(is_row)
            || self.within.as_ref().is_some_and(|(kind, _)| is_row(kind))
    }
}

/// True if rows have types of such a name.
pub(super) fn is_row_type(kind: &str) -> bool {
    kind.starts_with("Row__")
}

impl Syntax {
    fn action(&mut self, action: &ActionConstraint) {
        let named: Vec<&EntityUID> = match action {
            ActionConstraint::Any => {
                self.verbs.extend(Verb::ALL);
                return;
            }
            ActionConstraint::Eq(action) => vec![action],
            ActionConstraint::In(actions) => actions.iter().collect(),
        };
        self.names_verbs = true;
        // An action that nobody knows is found by the validator.
        self.verbs.extend(named.into_iter().filter_map(|action| Verb::parse(&action.eid)));
    }

    fn principal(&mut self, principal: &PrincipalConstraint) {
        match principal {
            PrincipalConstraint::Any => {}
            PrincipalConstraint::Eq(thing) | PrincipalConstraint::In(thing) => {
                self.thing_or_slot(thing);
            }
            PrincipalConstraint::Is(kind) => self.kind(kind),
            PrincipalConstraint::IsIn(kind, thing) => {
                self.kind(kind);
                self.thing_or_slot(thing);
            }
        }
    }

    fn resource(&mut self, resource: &ResourceConstraint) {
        let (kind, thing) = match resource {
            ResourceConstraint::Any => (None, None),
            ResourceConstraint::Eq(thing) | ResourceConstraint::In(thing) => (None, Some(thing)),
            ResourceConstraint::Is(kind) => (Some(kind), None),
            ResourceConstraint::IsIn(kind, thing) => (Some(kind), Some(thing)),
        };
        self.scope.is_exact = matches!(resource, ResourceConstraint::Eq(_));
        if let Some(kind) = kind {
            self.kind(kind);
            self.scope.kind = Some(kind_name(kind));
        }
        if let Some(EntityOrSlot::Entity(thing)) = thing {
            self.thing(thing);
            self.scope.within = Some((kind_name(&thing.ty), thing.eid.to_string()));
        }
    }

    fn thing_or_slot(&mut self, thing: &EntityOrSlot) {
        if let EntityOrSlot::Entity(thing) = thing {
            self.thing(thing);
        }
    }

    fn thing(&mut self, thing: &EntityUID) {
        self.kind(&thing.ty);
        self.things.insert((kind_name(&thing.ty), thing.eid.to_string()));
    }

    fn kind(&mut self, kind: &EntityType) {
        self.kinds.insert(kind_name(kind));
    }

    /// Collects what a condition mentions, without recursion: how deep it is, is not known yet.
    fn mentions(&mut self, condition: &Expr) -> Result<(), &'static str> {
        let mut open = vec![(condition, 1)];
        while let Some((expression, depth)) = open.pop() {
            if depth > DEPTH_MAX {
                return Err("the condition is too deep");
            }
            match expression {
                Expr::Literal(Literal::EntityUID(thing)) => self.thing(thing),
                Expr::Is { entity_type, .. } => self.kind(entity_type),
                Expr::GetAttr { attr, .. } => {
                    self.attributes.insert(attr.to_string());
                }
                Expr::HasAttr { attrs, .. } => {
                    self.attributes.extend(attrs.iter().map(ToString::to_string));
                }
                _ => {}
            }
            open.extend(parts(expression).into_iter().map(|part| (part, depth + 1)));
        }
        Ok(())
    }
}

/// A type as its name without the namespace; one of another namespace with it.
fn kind_name(kind: &EntityType) -> String {
    let name = kind.to_string();
    match name.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix("::")) {
        Some(rest) => rest.to_owned(),
        None => name,
    }
}

/// The expressions that an expression is made of.
fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => vec![expr],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Is { expr, in_expr, .. } => {
            let mut parts: Vec<&Expr> = vec![expr];
            parts.extend(in_expr.as_deref());
            parts
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Set(items) => items.iter().map(AsRef::as_ref).collect(),
        Expr::Record(fields) => fields.values().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    }
}

fn is_resource(expression: &Expr) -> bool {
    matches!(expression, Expr::Var(Var::Resource))
}

/// True if the expression is the value of a column.
fn is_column(expression: &Expr) -> bool {
    matches!(expression, Expr::GetAttr { expr, .. } if is_resource(expr))
}

/// True if the value may differ from row to row. What a row lies in and which type it has does not.
fn differs(expression: &Expr) -> bool {
    match expression {
        Expr::Var(Var::Resource) => true,
        Expr::Is { expr, in_expr, .. } if is_resource(expr) => {
            in_expr.as_deref().is_some_and(differs)
        }
        Expr::BinaryOp { op: BinaryOp::In, left, right } if is_resource(left) => differs(right),
        _ => parts(expression).into_iter().any(differs),
    }
}

/// Whether a condition over rows can become a row filter once all else is known.
fn filterable(condition: &Expr) -> Result<(), &'static str> {
    if !differs(condition) || is_column(condition) {
        return Ok(());
    }
    match condition {
        Expr::UnaryOp { op: UnaryOp::Not, expr } => filterable(expr),
        Expr::BinaryOp { op: BinaryOp::And | BinaryOp::Or, left, right } => {
            filterable(left)?;
            filterable(right)
        }
        Expr::IfThenElse { cond, then_expr, else_expr } if !differs(cond) => {
            filterable(then_expr)?;
            filterable(else_expr)
        }
        Expr::IfThenElse { .. } => Err("it chooses by a column (if then else)"),
        Expr::HasAttr { expr, attrs } if is_resource(expr) && attrs.len() == 1 => Ok(()),
        Expr::BinaryOp { op, left, right } if compares(*op) => {
            let (left_differs, right_differs) = (differs(left), differs(right));
            match (is_column(left), is_column(right)) {
                (true, false) if !right_differs => Ok(()),
                (false, true) if !left_differs => Ok(()),
                (true, true) => Err("it compares a column with a column"),
                _ => Err("it calculates with a column, or compares a row itself"),
            }
        }
        Expr::BinaryOp { op: BinaryOp::Contains, left, right } => {
            match is_column(right) && !differs(left) {
                true => Ok(()),
                false => Err("it looks for something other than a column in a list"),
            }
        }
        Expr::Like { .. } => Err("it matches a column with a pattern (like)"),
        _ => Err("it calculates with a column"),
    }
}

fn compares(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Eq
            | BinaryOp::NotEq
            | BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::Greater
            | BinaryOp::GreaterEq
            | BinaryOp::DecimalLessThan
            | BinaryOp::DecimalLessEq
            | BinaryOp::DecimalGreater
            | BinaryOp::DecimalGreaterEq
    )
}
