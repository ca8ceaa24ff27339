// What a database's own catalog says of names that a text may hold: its functions, and what is not as harmless as it
// looks (semantics.md B, "What no scanner can see"). Names as the catalog has them, in UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/sql/name_table.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::sql {

// What an unsafe name names; several at once.
enum UnsafeKind : std::uint8_t {
    kUnsafeView = 1U << 0,      // a view that is no read
    kUnsafeVouched = 1U << 1,   // with kUnsafeView: an annotation may vouch for it
    kUnsafeRelation = 1U << 2,  // a sequence, or a table that a replica does not have: unlogged
    kUnsafeType = 1U << 3,      // making a value of it calls an unsafe function
    kUnsafeRowFunction = 1U << 4,  // row.name calls an unsafe function
};

struct UnsafeName {
    std::uint8_t kinds = 0;         // of UnsafeKind
    Effect effects = Effect::none;  // what using it may leave in the session
};

// How many names it knows of each kind, for those who look at it.
struct CatalogCounts {
    std::size_t functions = 0, safe_functions = 0;  // by name
    std::size_t views = 0, relations = 0, operators = 0, casts = 0;  // unsafe ones
    friend bool operator==(const CatalogCounts&, const CatalogCounts&) = default;
};

// Immutable once made (catalog_builder.hpp), so it may be read from every worker. Lookups take no memory.
class Catalog {
  public:
    enum class Verdict : std::uint8_t { unknown, safe, unsafe };

    // All functions of this name, in whatever schema, PostgreSQL's own among them; unknown: the database has none of its own.
    [[nodiscard]] Verdict function(std::string_view name) const noexcept { return verdict(functions_.find(name)); }
    // All functions of this name in that schema.
    [[nodiscard]] Verdict function(std::string_view schema, std::string_view name) const noexcept;

    // Whether words have to be looked up at all; whether this one has to. `written`: not folded.
    [[nodiscard]] bool watches_words() const noexcept { return !unsafe_.empty() || unsafe_cast_to_system_type_; }
    [[nodiscard]] bool may_be_unsafe(std::string_view written) const noexcept;
    // A word of a text: see Identifier.
    [[nodiscard]] UnsafeName unsafe_name(std::string_view written, bool quoted) const noexcept;

    [[nodiscard]] bool watches_operators() const noexcept { return !operators_.empty(); }
    // `run`: operator characters as they stand together, which may be several operators.
    [[nodiscard]] bool has_unsafe_operator(std::string_view run) const noexcept;

    // A cast to one of PostgreSQL's own types, which have many spellings, calls an unsafe function.
    [[nodiscard]] bool unsafe_cast_to_system_type() const noexcept { return unsafe_cast_to_system_type_; }

    [[nodiscard]] const CatalogCounts& counts() const noexcept { return counts_; }

    friend bool operator==(const Catalog&, const Catalog&) = default;

  private:
    friend class CatalogBuilder;

    [[nodiscard]] static Verdict verdict(const NameTable::Value* value) noexcept;
    [[nodiscard]] bool is_unsafe_operator(std::string_view name) const noexcept { return operators_.find(name) != nullptr; }

    NameTable functions_, qualified_functions_;
    NameTable unsafe_;  // packed UnsafeName
    NameTable operators_;
    bool unsafe_beyond_ascii_ = false;  // a text's bytes depend on its encoding: any name beyond ASCII may be meant
    bool unsafe_with_quote_ = false;
    bool unsafe_cast_to_system_type_ = false;
    CatalogCounts counts_;
};

}  // namespace pgweir::sql
