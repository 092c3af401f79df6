//! The statements that end a query.
//!
//! ```text
//! KILL 'id'   KILL QUERY 'id'   CALL mesh.runtime.kill_query(query_id => 'id')
//! ```
//!
//! Whose query may be ended is known to the log of queries.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, Statement, Value,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::unsupported::refusal;
use crate::error::{Error, ErrorKind, Result};

/// The procedure that ends a query.
const PROCEDURE: [&str; 3] = ["mesh", "runtime", "kill_query"];

/// Its argument.
const QUERY_ID: &str = "query_id";

/// Reads `KILL [QUERY] 'id'` as a call of the procedure; `None` where something else stands. The
/// parser itself knows numbers only.
pub(super) fn parse(parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
    parser.parse_keyword(Keyword::KILL).then(|| {
        let _ = parser.parse_keyword(Keyword::QUERY);
        let token = parser.next_token();
        match token.token {
            Token::SingleQuotedString(id) | Token::Number(id, _) => Ok(call(id)),
            Token::Word(word) if word.quote_style == Some('"') => Ok(call(word.value)),
            _ => parser.expected("the id of a query in single quotes", token),
        }
    })
}

fn call(id: String) -> Statement {
    let id = Expr::value(Value::SingleQuotedString(id));
    Statement::Call(Function {
        name: ObjectName::from(PROCEDURE.map(Ident::new).to_vec()),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(id))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The id in a call of the procedure.
///
/// # Errors
///
/// When it calls something else, or with other arguments.
pub(super) fn classify(call: &Function) -> Result<String> {
    let name = call.name.to_string();
    if !name.eq_ignore_ascii_case(&PROCEDURE.join(".")) {
        return Err(refusal(&format!("CALL {name}")).with_hint(format!(
            "the only procedure is {}; KILL 'id' is the same",
            PROCEDURE.join(".")
        )));
    }
    let FunctionArguments::List(list) = &call.args else { return Err(wrong()) };
    let value = match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] => value,
        [
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow,
            },
        ] if name.value.eq_ignore_ascii_case(QUERY_ID) => value,
        [
            FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow,
            },
        ] if name.value.eq_ignore_ascii_case(QUERY_ID) => value,
        _ => return Err(wrong()),
    };
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(id) => Ok(id.clone()),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn wrong() -> Error {
    Error::new(ErrorKind::InvalidQuery, "kill_query takes the id of one query, a text")
        .with_hint("write KILL QUERY 'id'; mesh.runtime.queries has the column query_id")
}

#[cfg(test)]
mod tests {
    use crate::config::EngineConfig;
    use crate::error::Result;
    use crate::resolve::{Form, Statement};

    fn killed(sql: &str) -> Result<String> {
        match Statement::parse(sql, &EngineConfig::default())?.form()? {
            Form::Kill(id) => Ok(id.clone()),
            other => panic!("{sql} is {other:?}"),
        }
    }

    #[test]
    fn id_is_read_from_every_form() {
        for sql in [
            "KILL 'a1'",
            "kill query 'a1'",
            "KILL \"a1\"",
            "KILL QUERY 'a1';",
            "CALL mesh.runtime.kill_query('a1')",
            "call MESH.runtime.Kill_Query(query_id => 'a1')",
        ] {
            let id = killed(sql);
            assert_eq!(id.as_deref().ok(), Some("a1"), "{sql}: {id:?}");
        }
        assert_eq!(killed("KILL 7").unwrap(), "7");
    }

    #[test]
    fn other_calls_and_arguments_are_refused() {
        for sql in [
            "KILL",
            "KILL a1",
            "KILL QUERY",
            "KILL CONNECTION 'a1'",
            "KILL 'a1', 'a2'",
            "KILL '' || 'a1'",
            "CALL kill_query('a1')",
            "CALL mesh.runtime.kill_query()",
            "CALL mesh.runtime.kill_query",
            "CALL mesh.runtime.kill_query('a1', 'a2')",
            "CALL mesh.runtime.kill_query(id => 'a1')",
            "CALL mesh.runtime.kill_query(upper('a1'))",
            "CALL mesh.runtime.kill_query((SELECT 'a1'))",
        ] {
            assert!(killed(sql).is_err(), "{sql}");
        }
    }
}
