//! Samite's dialect of SQL: the generic one, with a bound on the steps that reading takes.
//!
//! The parser tries one reading after the other, and tries anew inside each: without a bound,
//! `position(position(...` takes twice as long for each level.

use std::any::TypeId;
use std::cell::Cell;

use datafusion::sql::sqlparser::ast::{Expr, Statement};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use crate::error::{Error, ErrorKind, Result};
use crate::resolve::kill;
use crate::resolve::shims::prefix;

/// Steps that any statement may take, however short it is.
const STEPS_MIN: usize = 100_000;

/// Steps for each byte: an expression begins at most at every second one, and most only once.
const STEPS_A_BYTE: usize = 2;

/// The generic dialect, which counts how often the parser begins an expression.
#[derive(Debug)]
pub(in crate::resolve) struct Budgeted {
    inner: GenericDialect,
    steps: Cell<usize>,
    steps_max: usize,
    has_table_versions: bool,
    has_lambdas: bool,
}

impl Budgeted {
    /// The dialect to read one text with.
    pub(in crate::resolve) fn new(sql: &str) -> Self {
        let steps_max = STEPS_MIN + STEPS_A_BYTE * sql.len();
        let (inner, steps) = (GenericDialect {}, Cell::new(0));
        Self { inner, steps, steps_max, has_table_versions: false, has_lambdas: false }
    }

    /// The dialect that reads clauses of time after a table. Without one in the text that is left out,
    /// since it takes the alias `at` for the beginning of another one.
    #[must_use]
    pub(in crate::resolve) fn with_table_versions(self) -> Self {
        Self { has_table_versions: true, ..self }
    }

    /// The dialect that reads `item -> condition`, for what Samite writes itself: elsewhere the arrow is that of JSON.
    #[must_use]
    pub(in crate::resolve) fn with_lambdas(self) -> Self {
        Self { has_lambdas: true, ..self }
    }

    /// Says whether the text was read within its steps: where not, what came out has no meaning.
    ///
    /// # Errors
    ///
    /// When it took more.
    pub(in crate::resolve) fn check(&self) -> Result<()> {
        if self.steps.get() <= self.steps_max {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidQuery, "the statement can be read in too many ways")
            .with_hint("nest POSITION, CAST, INTERVAL and parentheses less, and look for a typo"))
    }
}

/// Answers as the generic dialect does.
macro_rules! as_generic {
    ($($name:ident,)*) => {
        $(fn $name(&self) -> bool {
            self.inner.$name()
        })*
    };
}

impl Dialect for Budgeted {
    fn dialect(&self) -> TypeId {
        self.inner.dialect()
    }

    /// Of the errors, only that of the bound ends all attempts of the parser at once.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > self.steps_max {
            return Some(Err(ParserError::RecursionLimitExceeded));
        }
        prefix::parse(parser)
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        kill::parse(parser)
    }

    /// Drivers send `UNLISTEN *` as they give a connection back.
    fn supports_listen_notify(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        self.has_table_versions
    }

    fn supports_lambda_functions(&self) -> bool {
        self.has_lambdas
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.inner.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.inner.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.inner.is_identifier_part(ch)
    }

    as_generic! {
        supports_string_literal_backslash_escape,
        ignores_wildcard_escapes,
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_window_clause_named_window_reference,
        supports_within_after_array_aggregation,
        supports_partition_by_after_order_by,
        supports_array_join_syntax,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
        supports_outer_join_operator,
        supports_cross_join_constraint,
        supports_connect_by,
        supports_execute_immediate,
        supports_match_recognize,
        supports_in_empty_list,
        supports_start_transaction_modifier,
        supports_end_transaction_modifier,
        supports_named_fn_args_with_eq_operator,
        supports_named_fn_args_with_colon_operator,
        supports_named_fn_args_with_assignment_operator,
        supports_named_fn_args_with_rarrow_operator,
        supports_named_fn_args_with_expr_name,
        supports_numeric_prefix,
        supports_numeric_literal_underscores,
        supports_window_function_null_treatment_arg,
        supports_dictionary_syntax,
        support_map_literal_syntax,
        supports_parenthesized_set_variables,
        supports_comma_separated_set_assignments,
        supports_update_order_by,
        supports_select_wildcard_except,
        convert_type_before_value,
        supports_triple_quoted_string,
        supports_trailing_commas,
        supports_limit_comma,
        supports_string_literal_concatenation,
        supports_string_literal_concatenation_with_newline,
        supports_projection_trailing_commas,
        supports_from_trailing_commas,
        supports_column_definition_trailing_commas,
        supports_object_name_double_dot_notation,
        supports_struct_literal,
        supports_empty_projections,
        supports_select_expr_star,
        supports_from_first_select,
        supports_from_first_insert,
        supports_pipe_operator,
        supports_user_host_grantee,
        supports_match_against,
        supports_select_wildcard_exclude,
        supports_select_exclude,
        supports_create_table_multi_schema_info_sources,
        supports_select_modifiers,
        describe_requires_table_keyword,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_extract_comma_syntax,
        supports_subquery_as_function_arg,
        supports_create_view_comment_syntax,
        supports_array_typedef_without_element_type,
        supports_parens_around_table_factor,
        supports_values_as_table_factor,
        supports_dollar_placeholder,
        supports_dollar_as_money_prefix,
        supports_create_index_with_clause,
        require_interval_qualifier,
        supports_explain_with_utility_options,
        supports_asc_desc_in_column_definition,
        supports_factorial_operator,
        supports_bitwise_shift_operators,
        supports_nested_comments,
        supports_multiline_comment_hints,
        supports_eq_alias_assignment,
        supports_try_convert,
        supports_bang_not_operator,
        supports_load_data,
        supports_load_extension,
        supports_top_before_distinct,
        supports_boolean_literals,
        supports_show_like_before_in,
        supports_comment_on,
        supports_create_table_select,
        supports_partiql,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
        supports_table_sample_before_alias,
        supports_insert_set,
        supports_insert_table_function,
        supports_insert_table_query,
        supports_insert_format,
        supports_insert_table_alias,
        supports_set_stmt_without_operator,
        supports_string_escape_constant,
        supports_table_hints,
        requires_single_line_comment_whitespace,
        supports_array_typedef_with_brackets,
        supports_geometric_types,
        supports_order_by_all,
        supports_set_names,
        supports_space_separated_column_options,
        supports_alter_column_type_using,
        supports_comma_separated_drop_column_list,
        supports_notnull_operator,
        supports_data_type_signed_suffix,
        supports_interval_options,
        supports_create_table_like_parenthesized,
        supports_semantic_view_table_factor,
        supports_quote_delimited_string,
        supports_comment_optimizer_hint,
        supports_double_ampersand_operator,
        supports_binary_kw_as_cast,
        supports_select_wildcard_replace,
        supports_select_wildcard_ilike,
        supports_select_wildcard_rename,
        supports_select_wildcard_with_alias,
        supports_optimize_table,
        supports_install,
        supports_detach,
        supports_prewhere,
        supports_with_fill,
        supports_limit_by,
        supports_interpolate,
        supports_settings,
        supports_select_format,
        supports_comma_separated_trim,
        supports_cte_without_as,
        supports_select_item_multi_column_alias,
        supports_xml_expressions,
        supports_create_table_using,
        supports_long_type_as_bigint,
        supports_map_literal_with_angle_brackets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps that reading takes, and whether it stayed within them.
    fn read(sql: &str) -> (usize, bool) {
        let dialect = Budgeted::new(sql);
        stacker::grow(64 << 20, || {
            let parser = Parser::new(&dialect).with_recursion_limit(400);
            let _ = parser.try_with_sql(sql).and_then(|mut parser| parser.parse_statements());
        });
        (dialect.steps.get(), dialect.check().is_ok())
    }

    #[test]
    fn steps_that_double_at_each_level_are_cut_off() {
        for (opening, closing) in [
            ("position(", ")"),
            ("INTERVAL ", ""),
            ("CAST(", " AS int AS int)"),
            ("EXTRACT(", ")"),
            ("CEIL(", ")"),
            ("FLOOR(", " TO)"),
            ("SUBSTRING(", " FROM)"),
            ("OVERLAY(", ")"),
            ("TRIM(", " FROM)"),
            ("CONVERT(", ")"),
            ("TRY_CAST(", ")"),
        ] {
            let sql = format!("SELECT {}'a'{}", opening.repeat(40), closing.repeat(40));
            let (steps, _) = read(&sql);
            assert!(steps <= STEPS_MIN + STEPS_A_BYTE * sql.len() + 1000, "{opening}: {steps}");
        }
        assert!(!read(&format!("SELECT {}'a'{}", "position(".repeat(40), ")".repeat(40))).1);
        assert!(!read(&format!("SELECT {}", "INTERVAL ".repeat(40))).1);
    }

    #[test]
    fn ordinary_statements_take_few_steps() {
        for sql in [
            "SELECT position('a' IN b), CAST(x AS int), INTERVAL '1 day', CASE x WHEN 1 THEN 2 END",
            "SELECT (((a))), f(g(h(1, 2), 3), 4), a.b.c, x BETWEEN 1 AND 2, y IN (1, 2, 3) FROM t",
            "SELECT * FROM ((SELECT 1) UNION (SELECT 2)) JOIN (a JOIN b ON a.x = b.x) ON true",
            "SELECT sum(x) OVER (PARTITION BY y ORDER BY z) FROM t WHERE NOT EXISTS (SELECT 1)",
        ] {
            let (steps, fits) = read(sql);
            assert!(fits && steps <= sql.len(), "{sql}: {steps}");
        }
    }

    #[test]
    fn reads_like_the_generic_dialect() {
        for sql in [
            "SELECT * EXCLUDE (a) FROM t GROUP BY ALL",
            "FROM t SELECT a",
            "SELECT {'a': 1}, [1, 2], MAP {'x': 1}, DATE '2020-01-01', x::int, `a b` FROM t",
            "WITH a (SELECT 1) SELECT * FROM a LIMIT 1, 2",
            "SELECT x FROM t |> WHERE y",
        ] {
            let dialect = Budgeted::new(sql);
            let ours = Parser::parse_sql(&dialect, sql);
            assert_eq!(ours, Parser::parse_sql(&GenericDialect {}, sql), "{sql}");
        }
    }
}
