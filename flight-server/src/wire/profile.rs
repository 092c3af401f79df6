//! What kind of client reads the answer.

/// What kind of client reads the answer; decides on the types that travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Profile {
    /// One that knows Arrow: ADBC, pyarrow, polars, another Arrow Flight client.
    #[default]
    Arrow,
    /// The Arrow Flight SQL JDBC driver.
    Jdbc,
    /// An Arrow Flight SQL ODBC driver. It has pyarrow's user agent, and so must say who it is.
    Odbc,
}

impl Profile {
    /// The profile of the client that calls itself `agent`.
    pub(crate) fn of_user_agent(agent: &str) -> Self {
        // Drivers up to 18.3 leave the name of their library, and no other client of Flight SQL has it.
        let is_jdbc = agent.contains("JDBC Flight SQL Driver") || agent.starts_with("grpc-java");
        if is_jdbc { Self::Jdbc } else { Self::Arrow }
    }

    /// The profile with this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "arrow" | "adbc" => Some(Self::Arrow),
            "jdbc" => Some(Self::Jdbc),
            "odbc" => Some(Self::Odbc),
            _ => None,
        }
    }

    /// The name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Jdbc => "jdbc",
            Self::Odbc => "odbc",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_is_known_by_its_user_agent() {
        for (agent, profile) in [
            ("ADBC Flight SQL Driver v1.13.0 grpc-go/1.79", Profile::Arrow),
            ("JDBC Flight SQL Driver 19.0.0 grpc-java-netty/1.71", Profile::Jdbc),
            ("grpc-java-netty/1.71.0", Profile::Jdbc),
            ("grpc-c++/1.60 grpc-c/37 (linux; chttp2)", Profile::Arrow),
            ("", Profile::Arrow),
        ] {
            assert_eq!(Profile::of_user_agent(agent), profile, "{agent}");
        }
        for profile in [Profile::Arrow, Profile::Jdbc, Profile::Odbc] {
            assert_eq!(Profile::parse(profile.as_str()), Some(profile));
        }
    }
}
