// A database's catalog as the primary tells it, before it is judged. Names are as the catalog has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::sql {

struct CatalogRows {
    // One function that something else calls.
    struct Callee {
        std::string schema, name;
        bool is_volatile = false;
    };
    // All overloads of a name in a schema that is the users' (what an initialised database has in pg_catalog is not here).
    struct Function {
        std::string schema, name;
        bool is_volatile = false;    // or a procedure, or an aggregate of volatile functions: one overload is enough
        bool in_pg_catalog = false;  // PostgreSQL has a function of this name
        bool takes_row = false;      // an overload's first argument may be a row: row.name calls it
        std::vector<std::string> parts{};  // PostgreSQL's own functions that an aggregate of this name is made of
    };
    struct Operator {
        std::string name;
        Callee function;
    };
    // A cast to a type, or a type's input function.
    struct Cast {
        std::string type;
        bool system_type = false;
        Callee function;
    };
    // A sequence or an unlogged table.
    struct Relation {
        std::string name;
    };
    struct View {
        std::string name;
        std::optional<std::string> definition;  // pg_get_viewdef() with pg_catalog alone in search_path; none: not told
    };

    std::vector<Function> functions;
    std::vector<Operator> operators;
    std::vector<Cast> casts;
    std::vector<Relation> relations;
    std::vector<View> views;
};

}  // namespace pgweir::sql
