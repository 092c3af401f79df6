//! Expressions that the parser does not read by itself: `CONVERT(type, x)` and `USER()`.

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// Reads such an expression; `None` where none stands, and the parser goes on as ever.
pub(in crate::resolve) fn parse(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return None };
    if word.quote_style.is_some() || parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    match word.keyword {
        Keyword::CONVERT | Keyword::TRY_CONVERT => {
            let is_try = word.keyword == Keyword::TRY_CONVERT;
            parser.maybe_parse(|parser| conversion(parser, is_try)).transpose()
        }
        Keyword::USER
        | Keyword::CURRENT_USER
        | Keyword::SESSION_USER
        | Keyword::CURRENT_CATALOG
            if parser.peek_nth_token_ref(2).token == Token::RParen =>
        {
            let name = word.value.clone();
            for _ in 0..3 {
                parser.advance_token();
            }
            Some(Ok(Expr::Function(called(name))))
        }
        _ => None,
    }
}

/// `CONVERT(type, x)`, where what comes first is a type and what comes second none.
fn conversion(parser: &mut Parser<'_>, is_try: bool) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let data_type = parser.parse_data_type()?;
    parser.expect_token(&Token::Comma)?;
    if !is_known(&data_type) || names_type_last(parser) {
        return parser.expected_ref("a value", parser.peek_token_ref());
    }
    let expr = Box::new(parser.parse_expr()?);
    let mut styles = Vec::new();
    if parser.consume_token(&Token::Comma) {
        styles = parser.parse_comma_separated(Parser::parse_expr)?;
    }
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Convert {
        is_try,
        expr,
        data_type: Some(data_type),
        charset: None,
        target_before_value: true,
        styles,
    })
}

/// True for what is a type and not the name of a column.
fn is_known(data_type: &DataType) -> bool {
    let DataType::Custom(name, modifiers) = data_type else { return true };
    let name = name.to_string().to_ascii_lowercase();
    !modifiers.is_empty()
        || [
            "nchar",
            "ntext",
            "datetime2",
            "datetimeoffset",
            "smalldatetime",
            "money",
            "smallmoney",
            "uniqueidentifier",
            "sysname",
        ]
        .contains(&name.as_str())
}

/// True where ODBC's form `CONVERT(x, SQL_...)` goes on: a column may be called like a type.
fn names_type_last(parser: &Parser<'_>) -> bool {
    let is_last = parser.peek_nth_token_ref(1).token == Token::RParen;
    matches!(&parser.peek_token_ref().token, Token::Word(word)
        if is_last && word.quote_style.is_none() && word.value.to_ascii_uppercase().starts_with("SQL_"))
}

fn called(name: String) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}
